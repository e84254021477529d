"""Encoders: features to tokens. One class a file; adding one means writing its file and its line here."""

from multimodal_keras.encoders.backbone import BackboneEncoder
from multimodal_keras.encoders.bag_of_words import BagOfWordsEncoder
from multimodal_keras.encoders.conv1d import Conv1DEncoder
from multimodal_keras.encoders.conv2d import Conv2DEncoder
from multimodal_keras.encoders.conv3d import Conv3DEncoder
from multimodal_keras.encoders.dense import DenseEncoder
from multimodal_keras.encoders.embedding import EmbeddingEncoder
from multimodal_keras.encoders.feature_tokens import FeatureTokenEncoder
from multimodal_keras.encoders.frames import FrameEncoder
from multimodal_keras.encoders.hub import HubEncoder
from multimodal_keras.encoders.hub_presets import hub_symbols, hub_tokens
from multimodal_keras.encoders.mlp import MLPEncoder
from multimodal_keras.encoders.pointnet import PointNetEncoder
from multimodal_keras.encoders.pretrained import PretrainedEncoder
from multimodal_keras.encoders.recurrent import GRUEncoder, LSTMEncoder
from multimodal_keras.encoders.tcn import TCNEncoder
from multimodal_keras.encoders.transformer import TransformerEncoder

__all__ = [
    "BackboneEncoder",
    "BagOfWordsEncoder",
    "Conv1DEncoder",
    "Conv2DEncoder",
    "Conv3DEncoder",
    "DenseEncoder",
    "EmbeddingEncoder",
    "FeatureTokenEncoder",
    "FrameEncoder",
    "GRUEncoder",
    "HubEncoder",
    "LSTMEncoder",
    "MLPEncoder",
    "PointNetEncoder",
    "PretrainedEncoder",
    "TCNEncoder",
    "TransformerEncoder",
    "hub_symbols",
    "hub_tokens",
]
