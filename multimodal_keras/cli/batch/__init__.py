"""Millions of answers into a file, with flat memory: in three formats, and going on after a kill."""

from multimodal_keras.cli.batch.formats import JSONLines, format_of
from multimodal_keras.cli.batch.identity import identity
from multimodal_keras.cli.batch.unfinished import Unfinished
from multimodal_keras.cli.batch.writing import write_answers

__all__ = ["JSONLines", "Unfinished", "format_of", "identity", "write_answers"]
