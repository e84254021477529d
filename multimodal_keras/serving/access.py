"""Who may ask: API keys, of which only hashes are kept, and the web pages that a browser may send from."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path

import flask

from multimodal_keras.serving.refusal import Refusal

# What a load balancer asks has no key, and the page, which tells nothing of a model, has to ask people for theirs.
OPEN_PATHS = ("/healthz", "/readyz", "/")
_OPEN_FOLDER = "/page/"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Key",
    "Access-Control-Max-Age": "600",
}


def new_key(name: str, file: str | Path) -> str:
    """Make a key, and add its hash to a file.

    Args:
        name: whose key it is; to find its line again when it has to go.
        file: of keys, one `<name> <SHA-256>` a line; made if it is not there.

    Returns:
        The key, which is kept nowhere. Send it as `Authorization: Bearer <key>` or `X-API-Key: <key>`.

    Raises:
        ValueError: if the name is empty, has a space, or is in the file.
    """
    path = Path(file)
    known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if not name or name.split() != [name] or any(line.split()[:1] == [name] for line in known):
        raise ValueError(f"Each key has a name of its own, without spaces. Received {name!r}. Choose another one.")
    key = secrets.token_urlsafe(32)
    with path.open("a", encoding="utf-8") as keys:
        keys.write(f"{name} {_hash(key)}\n")
    return key


def _hash(key: str) -> str:
    # Keys are 256 random bits: nobody finds one by trying, so a slow hash would only slow down the server.
    return hashlib.sha256(key.encode("utf-8")).hexdigest()


class Access:
    """Refuses requests without a known key, and tells browsers which pages may ask.

    Args:
        key_file: made by `new_key`; None for no keys. Read once.
        origins: of web pages, such as `https://example.org`; others get no leave from the browser.

    Raises:
        ValueError: if the file cannot be read, holds no key, or a line is none.
    """

    def __init__(self, key_file: str | Path | None, origins: Sequence[str]) -> None:
        self._hashes = None if key_file is None else _read_hashes(Path(key_file))
        self._origins = frozenset(origins)

    def guard(self, app: flask.Flask) -> None:
        """Look at each request of an application before anything else does."""
        app.before_request(self._before)
        app.after_request(self._after)

    def _before(self) -> flask.Response | None:
        request = flask.request
        if request.method == "OPTIONS" and self._is_allowed(request):
            return flask.Response(status=204, headers=_PREFLIGHT)
        is_open = request.path in OPEN_PATHS or request.path.startswith(_OPEN_FOLDER)
        if self._hashes is not None and not is_open and not self._is_known(request):
            raise Refusal(
                "This server needs a key. Received none that it knows. Send it as Authorization: Bearer.", 401
            )
        return None

    def _is_known(self, request: flask.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
        found = _hash(key)
        # Each is compared, in a time that does not tell how much of it was right.
        return sum(hmac.compare_digest(found, known) for known in self._hashes or ()) > 0

    def _is_allowed(self, request: flask.Request) -> bool:
        return request.headers.get("Origin") in self._origins

    def _after(self, response: flask.Response) -> flask.Response:
        if self._origins:
            response.headers.add("Vary", "Origin")
        if self._is_allowed(flask.request):
            response.headers["Access-Control-Allow-Origin"] = flask.request.headers["Origin"]
        return response


def _read_hashes(path: Path) -> list[str]:
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"Keys are read from a file. Received {str(path)!r}: {error}. Make one by new_key.") from error
    for number, line in enumerate(lines, 1):
        if len(line) != 2 or len(line[1]) != 64 or set(line[1]) - set("0123456789abcdef"):
            raise ValueError(f"A line of {path} is a name and a SHA-256. Received another one in line {number}.")
    if not lines:
        raise ValueError(
            f"A file of keys holds at least one. Received {str(path)!r}, which is empty. Add one by new_key."
        )
    return [line[1] for line in lines]
