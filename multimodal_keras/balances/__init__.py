"""Balances: what each task counts for while several are trained together. Adding one means its file and its line here."""

from multimodal_keras.balances.balance import Balance
from multimodal_keras.balances.cagrad import CAGradBalance
from multimodal_keras.balances.dynamic_average import DynamicAverageBalance
from multimodal_keras.balances.famo import FAMOBalance
from multimodal_keras.balances.fixed import FixedBalance
from multimodal_keras.balances.gradnorm import GradNormBalance
from multimodal_keras.balances.nash import NashBalance
from multimodal_keras.balances.pcgrad import PCGradBalance
from multimodal_keras.balances.random_weights import RandomBalance
from multimodal_keras.balances.uncertainty import UncertaintyBalance

__all__ = [
    "Balance",
    "CAGradBalance",
    "DynamicAverageBalance",
    "FAMOBalance",
    "FixedBalance",
    "GradNormBalance",
    "NashBalance",
    "PCGradBalance",
    "RandomBalance",
    "UncertaintyBalance",
]
