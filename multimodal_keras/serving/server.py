"""Run the application behind waitress."""

from __future__ import annotations

import importlib
from typing import Any

from multimodal_keras.serving.app import MAX_BODY_BYTES, STOP, create_app
from multimodal_keras.serving.batcher import MAX_BATCH, MAX_WAITING
from multimodal_keras.serving.memory import bound_memory
from multimodal_keras.serving.naming import Models, name_models

# Beyond those whose requests are in a model or wait for it: they say no to what is more, and answer `/readyz`.
SPARE_THREADS = 16
THREADS = MAX_BATCH + MAX_WAITING + SPARE_THREADS
# Clients that are connected at the same time. waitress leaves those above its own 100 without an answer, and needs poll()
# for more than 1024 open files, which the system has to allow too.
CONNECTIONS, OPEN_FILES = 2048, 4096
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
        threads: how many requests are worked on at a time; by default as many as can be in
            the models and wait for them, and 16 that refuse what is more.
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
    _allow_open_files()
    bound_memory()
    found = name_models(models, name)
    app = create_app(found, max_body_bytes=max_body_bytes, **options)
    # For each model, so that one that is asked too much leaves some to the others.
    most = options.get("max_batch", MAX_BATCH) + options.get("max_waiting", MAX_WAITING)
    sockets: dict[int, Any] = {}
    server = waitress.create_server(
        app,
        map=sockets,
        host=host,
        port=port,
        threads=threads or most * len(found) + SPARE_THREADS,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        max_request_body_size=_SLACK * max_body_bytes,
        ident="multimodal-keras",
    )
    app.extensions[STOP].install(sockets)
    server.run()


def _allow_open_files() -> None:
    """Raise this process's own limit, where there is one and the system lets it."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
