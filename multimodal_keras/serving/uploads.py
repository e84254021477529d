"""Files in a form, in memory."""

from __future__ import annotations

import io
from typing import IO, Any

import flask


class UploadRequest(flask.Request):
    """A request whose files never get on a disk, however large: a body has a limit, and so have they together."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        # By default large ones go into temporary files, which stay open where the rest of the form is refused.
        return io.BytesIO()
