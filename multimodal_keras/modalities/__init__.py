"""Modalities: one kind of field each. Adding one means writing its file and its line here."""

from multimodal_keras.modalities.image import ImageModality
from multimodal_keras.modalities.text import TextModality
from multimodal_keras.modalities.timeseries import TimeSeriesModality

__all__ = ["ImageModality", "TextModality", "TimeSeriesModality"]
