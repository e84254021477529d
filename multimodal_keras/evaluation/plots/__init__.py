"""Plots of a report. Importing this imports no matplotlib."""

from __future__ import annotations

import importlib.util


def check_matplotlib() -> None:
    """Say what to do if there is nothing to plot with.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError(
            "Plots and the page of a report need matplotlib. Received a Python without it. "
            "Run pip install multimodal-keras[plot], or keep to report.to_json()."
        )
