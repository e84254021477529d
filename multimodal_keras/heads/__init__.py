"""Heads: the fused vector to one prediction each. Adding one means writing its file and its line here."""

from multimodal_keras.heads.classification import ClassificationHead
from multimodal_keras.heads.multilabel import MultiLabelHead
from multimodal_keras.heads.regression import RegressionHead

__all__ = ["ClassificationHead", "MultiLabelHead", "RegressionHead"]
