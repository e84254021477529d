"""What inside of a field an answer rests on: words, places of a picture, columns, frames, steps."""

from multimodal_keras.attributing.attributing import attribute
from multimodal_keras.attributing.parts import Part
from multimodal_keras.attributing.result import Attributions, FieldAttribution, RecordAttribution, TaskAttribution

__all__ = ["Attributions", "FieldAttribution", "Part", "RecordAttribution", "TaskAttribution", "attribute"]
