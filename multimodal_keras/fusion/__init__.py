"""Fusions: the tokens of all modalities to one vector. Adding one means writing its file and its line here."""

from multimodal_keras.fusion.concat import ConcatFusion
from multimodal_keras.fusion.cross_attention import CrossAttentionFusion
from multimodal_keras.fusion.gated import GatedFusion
from multimodal_keras.fusion.mean import MeanFusion
from multimodal_keras.fusion.transformer import TransformerFusion
from multimodal_keras.fusion.weighted import WeightedFusion

__all__ = [
    "ConcatFusion",
    "CrossAttentionFusion",
    "GatedFusion",
    "MeanFusion",
    "TransformerFusion",
    "WeightedFusion",
]
