"""Fusions: the tokens of all modalities to one vector. Adding one means writing its file and its line here."""

from multimodal_keras.fusion.block import BlockFusion
from multimodal_keras.fusion.bottleneck import BottleneckFusion
from multimodal_keras.fusion.channel_exchange import ChannelExchangeFusion
from multimodal_keras.fusion.co_attention import CoAttentionFusion
from multimodal_keras.fusion.compact_bilinear import CompactBilinearFusion
from multimodal_keras.fusion.concat import ConcatFusion
from multimodal_keras.fusion.convolution import ConvolutionFusion
from multimodal_keras.fusion.cross_attention import CrossAttentionFusion
from multimodal_keras.fusion.decision_average import DecisionAverageFusion
from multimodal_keras.fusion.decision_stacking import DecisionStackingFusion
from multimodal_keras.fusion.factorized_bilinear import FactorizedBilinearFusion
from multimodal_keras.fusion.film import FiLMFusion
from multimodal_keras.fusion.gated import GatedFusion
from multimodal_keras.fusion.graph_attention import GraphAttentionFusion
from multimodal_keras.fusion.higher_order_bilinear import HigherOrderBilinearFusion
from multimodal_keras.fusion.hypernetwork import HypernetworkFusion
from multimodal_keras.fusion.late_transformer import LateTransformerFusion
from multimodal_keras.fusion.low_rank_bilinear import LowRankBilinearFusion
from multimodal_keras.fusion.low_rank_tensor import LowRankTensorFusion
from multimodal_keras.fusion.max import MaxFusion
from multimodal_keras.fusion.mean import MeanFusion
from multimodal_keras.fusion.mixture_of_experts import MixtureOfExpertsFusion
from multimodal_keras.fusion.multiplicative_interaction import MultiplicativeInteractionFusion
from multimodal_keras.fusion.mutan import MutanFusion
from multimodal_keras.fusion.non_local_gate import NonLocalGateFusion
from multimodal_keras.fusion.pairwise_transformer import PairwiseTransformerFusion
from multimodal_keras.fusion.perceiver import PerceiverFusion
from multimodal_keras.fusion.product import ProductFusion
from multimodal_keras.fusion.product_of_experts import ProductOfExpertsFusion
from multimodal_keras.fusion.recurrent import RecurrentFusion
from multimodal_keras.fusion.squeeze_excitation import SqueezeExcitationFusion
from multimodal_keras.fusion.sum import SumFusion
from multimodal_keras.fusion.tensor import TensorFusion
from multimodal_keras.fusion.transformer import TransformerFusion
from multimodal_keras.fusion.tucker import TuckerFusion
from multimodal_keras.fusion.weighted import WeightedFusion

__all__ = [
    "BlockFusion",
    "BottleneckFusion",
    "ChannelExchangeFusion",
    "CoAttentionFusion",
    "CompactBilinearFusion",
    "ConcatFusion",
    "ConvolutionFusion",
    "CrossAttentionFusion",
    "DecisionAverageFusion",
    "DecisionStackingFusion",
    "FactorizedBilinearFusion",
    "FiLMFusion",
    "GatedFusion",
    "GraphAttentionFusion",
    "HigherOrderBilinearFusion",
    "HypernetworkFusion",
    "LateTransformerFusion",
    "LowRankBilinearFusion",
    "LowRankTensorFusion",
    "MaxFusion",
    "MeanFusion",
    "MixtureOfExpertsFusion",
    "MultiplicativeInteractionFusion",
    "MutanFusion",
    "NonLocalGateFusion",
    "PairwiseTransformerFusion",
    "PerceiverFusion",
    "ProductFusion",
    "ProductOfExpertsFusion",
    "RecurrentFusion",
    "SqueezeExcitationFusion",
    "SumFusion",
    "TensorFusion",
    "TransformerFusion",
    "TuckerFusion",
    "WeightedFusion",
]
