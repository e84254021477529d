"""Readers: one function, `read`, for everything that holds records."""

from multimodal_keras.data.readers.dispatch import FORMATS, read

__all__ = ["FORMATS", "read"]
