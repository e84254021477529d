"""The contracts of the four nouns, and the names that tie a model to its records."""

from multimodal_keras.base.encoder import Encoder
from multimodal_keras.base.fusion import Fusion
from multimodal_keras.base.head import Head
from multimodal_keras.base.modality import FeatureColumn, FeatureSpec, Modality
from multimodal_keras.base.naming import PRESENT, check_names, presence_name
from multimodal_keras.base.parts import Parts, parts
from multimodal_keras.base.steps import split_steps

__all__ = [
    "PRESENT",
    "Encoder",
    "FeatureColumn",
    "FeatureSpec",
    "Fusion",
    "Head",
    "Modality",
    "Parts",
    "check_names",
    "parts",
    "presence_name",
    "split_steps",
]
