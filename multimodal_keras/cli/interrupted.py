"""What is said after an interruption."""

from __future__ import annotations

import argparse


def what_next(options: argparse.Namespace) -> str:
    """That a command goes on, of those that keep what is done; else nothing."""
    kept = options.command in ("train", "compare") or (
        options.command in ("predict", "explain") and options.output and not getattr(options, "inside", False)
    )
    without = " without --restart" if getattr(options, "restart", False) else ""
    return f"; the same command{without} goes on from here" if kept else ""
