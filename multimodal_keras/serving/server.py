"""Run the application behind waitress."""

from __future__ import annotations

import importlib
from typing import Any

from multimodal_keras.serving.app import MAX_BODY_BYTES, STOP, create_app
from multimodal_keras.serving.naming import Models, name_models

# For each model, so that one that is asked too much leaves some to the others, and it is the application that says no.
THREADS = 64
# waitress refuses in plain text what is beyond its own limit, so it is far above the application's.
_SLACK = 4


def serve(
    models: Models,
    host: str = "127.0.0.1",
    port: int = 8501,
    *,
    name: str | None = None,
    threads: int | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    **options: Any,
) -> None:
    """Serve exported models until the process is stopped.

    On SIGTERM `/readyz` answers 503, what has come is answered, and then the process ends.

    Args:
        models: as for `create_app`.
        host: address to listen at; `"0.0.0.0"` for every network.
        port: number to listen at; TensorFlow Serving's by default.
        name: as for `create_app`.
        threads: how many requests are worked on at a time; 64 for each model by default.
        max_body_bytes: as for `create_app`.
        **options: the others of `create_app`.

    Raises:
        ValueError: if there is no such model.
        ImportError: without waitress.
        OSError: if the port is taken.
    """
    try:
        waitress = importlib.import_module("waitress")
    except ImportError as missing:
        raise ImportError(
            "Serving needs Flask and waitress. Received an installation without waitress. "
            "Run: pip install flask waitress"
        ) from missing
    found = name_models(models, name)
    app = create_app(found, max_body_bytes=max_body_bytes, **options)
    sockets: dict[int, Any] = {}
    server = waitress.create_server(
        app,
        map=sockets,
        host=host,
        port=port,
        threads=threads or THREADS * len(found),
        max_request_body_size=_SLACK * max_body_bytes,
        ident="multimodal-keras",
    )
    app.extensions[STOP].install(sockets)
    server.run()
