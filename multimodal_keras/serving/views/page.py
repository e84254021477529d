"""`GET /`: a page for people, which makes its form from the model's contract."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

import flask

from multimodal_keras.serving.host import Host

INDEX = "index.html"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
# Files of this server alone, no code or style in between, no markup made of text, nowhere to send anything but here.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(self)",
    # Kept, but asked for each time: an unchanged file is not sent again.
    "Cache-Control": "no-cache",
}


def add_views(app: flask.Flask, _: Host | None = None) -> None:
    """Answer `/`, and the files of the page below `/page/`, of an application. They ask nothing of the host."""
    files = _read_files()

    def index() -> flask.Response:
        return files[INDEX].reply()

    def file(name: str) -> flask.Response:
        if name not in files:
            flask.abort(404)
        return files[name].reply()

    for path, view in (("/", index), ("/page/<name>", file)):
        app.add_url_rule(path, path, view, methods=["GET"], provide_automatic_options=False)


@dataclass(frozen=True)
class _File:
    """One file of the page, in memory: what a client names is looked up, and never opened."""

    content: bytes
    content_type: str
    etag: str

    def reply(self) -> flask.Response:
        """The file, or 304 where the client has it."""
        response = flask.Response(self.content, content_type=self.content_type, headers=_HEADERS)
        response.set_etag(self.etag)
        response.make_conditional(flask.request)
        return response


def _read_files() -> dict[str, _File]:
    folder = resources.files("multimodal_keras.serving") / "page"
    found = {}
    for file in folder.iterdir():
        content_type = _TYPES.get("." + file.name.rpartition(".")[2])
        if content_type:
            content = file.read_bytes()
            etag = hashlib.sha256(content).hexdigest()[:32]
            found[file.name] = _File(content, f"{content_type}; charset=utf-8", etag)
    return found
