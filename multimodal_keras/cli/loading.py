"""Load the model of a run, plugins first."""

from __future__ import annotations

from pathlib import Path

import keras

from multimodal_keras.cli.records import RUN_FILE
from multimodal_keras.spec import make_spec, read_spec
from multimodal_keras.training import import_plugin
from multimodal_keras.training.run import MODEL


def load_run(folder: str | Path) -> keras.Model:
    """The trained model in a run folder.

    Raises:
        ValueError: if there is none.
    """
    folder = Path(folder)
    if not (folder / MODEL).exists():
        raise ValueError(f"A run folder holds {MODEL}. Received {str(folder)!r}, which does not. Train first.")
    if (folder / RUN_FILE).exists():
        for plugin in make_spec(read_spec(folder / RUN_FILE)).plugins:
            import_plugin(plugin)
    return keras.saving.load_model(folder / MODEL)
