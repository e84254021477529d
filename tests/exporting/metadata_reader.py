"""What TFLite's own reader of metadata finds in a file, as JSON. It runs where tflite-support is installed."""

import json
import sys

from tensorflow_lite_support.metadata.cc.python import _pywrap_metadata_version
from tensorflow_lite_support.metadata.python.metadata import MetadataDisplayer

found = MetadataDisplayer.with_model_file(sys.argv[1])
names = found.get_packed_associated_file_list()
report = {
    "metadata": json.loads(found.get_metadata_json()),
    "files": {name: found.get_associated_file_buffer(name).decode("utf-8") for name in names},
    "needs": _pywrap_metadata_version.GetMinimumMetadataParserVersion(found.get_metadata_buffer()),
}
print(json.dumps(report))
