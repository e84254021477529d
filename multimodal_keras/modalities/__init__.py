"""Modalities: one kind of field each. Adding one means writing its file and its line here."""

from multimodal_keras.modalities.audio import AudioModality
from multimodal_keras.modalities.embedding import EmbeddingModality
from multimodal_keras.modalities.image import ImageModality
from multimodal_keras.modalities.pointcloud import PointCloudModality
from multimodal_keras.modalities.sequence import SequenceModality
from multimodal_keras.modalities.tabular import TabularModality
from multimodal_keras.modalities.text import TextModality
from multimodal_keras.modalities.timeseries import TimeSeriesModality
from multimodal_keras.modalities.video import VideoModality

__all__ = [
    "AudioModality",
    "EmbeddingModality",
    "ImageModality",
    "PointCloudModality",
    "SequenceModality",
    "TabularModality",
    "TextModality",
    "TimeSeriesModality",
    "VideoModality",
]
