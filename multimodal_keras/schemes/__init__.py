"""Training schemes: what is done beside the tasks while a model is trained. Adding one means its file and its line here."""

from multimodal_keras.schemes.contrastive import ContrastiveScheme
from multimodal_keras.schemes.corruption import CorruptionScheme
from multimodal_keras.schemes.distillation import DistillationScheme
from multimodal_keras.schemes.gradient_blend import GradientBlendScheme
from multimodal_keras.schemes.gradient_modulation import GradientModulationScheme
from multimodal_keras.schemes.scheme import Scheme
from multimodal_keras.schemes.seen import Seen
from multimodal_keras.schemes.unimodal import UnimodalScheme

__all__ = [
    "ContrastiveScheme",
    "CorruptionScheme",
    "DistillationScheme",
    "GradientBlendScheme",
    "GradientModulationScheme",
    "Scheme",
    "Seen",
    "UnimodalScheme",
]
