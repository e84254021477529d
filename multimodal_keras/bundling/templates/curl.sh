#!/bin/sh
# Ask the model by curl: its status, and the prediction for the record in request.json.
# ./curl.sh [URL of the server]
set -eu
url="${1:-http://localhost:8501}"
folder="$(cd "$(dirname "$0")" && pwd)"
curl --silent --show-error --fail "$url/v1/models/@MODEL@"
echo
curl --silent --show-error --fail --header "Content-Type: application/json" \
    --data-binary "@$folder/request.json" "$url/v1/models/@MODEL@:predict"
echo
