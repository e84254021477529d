"""How a model holds out against noisy and missing modalities."""

from multimodal_keras.perturbing import array_noises, audio_noises, image_noises, text_noises
from multimodal_keras.perturbing.curves import Curve
from multimodal_keras.perturbing.measuring import robustness
from multimodal_keras.perturbing.noises import NOISES, Noise, register_noise
from multimodal_keras.perturbing.result import Robustness, SubsetScore

__all__ = [
    "NOISES",
    "Curve",
    "Noise",
    "Robustness",
    "SubsetScore",
    "array_noises",
    "audio_noises",
    "image_noises",
    "register_noise",
    "robustness",
    "text_noises",
]
