"""Find the settings with which a server answers most on this machine."""

from multimodal_keras.cli.tuning.clients import Load, ask
from multimodal_keras.cli.tuning.measuring import Row, best, measure, table
from multimodal_keras.cli.tuning.settings import DEFAULT, Setting, grid, read_tuning, write_tuning

__all__ = [
    "DEFAULT",
    "Load",
    "Row",
    "Setting",
    "ask",
    "best",
    "grid",
    "measure",
    "read_tuning",
    "table",
    "write_tuning",
]
