"""Builder functions for Keras models over text, images, sound, numbers and time series, exported with proven parity.

Importing this package imports neither TensorFlow nor Keras: each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

__version__ = "0.1.0"

_NAMES = {
    "attributing": ("attribute",),
    "base": ("Encoder", "Fusion", "Head", "Modality", "parts"),
    "builder": ("build_model",),
    "balances": (
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
    ),
    "bundling": ("bundle",),
    "calibrating": ("calibrate",),
    "comparing": ("compare",),
    "encoders": (
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
    ),
    "errors": ("DataError",),
    "evaluation": ("evaluate",),
    "exporting": ("export",),
    "fusion": (
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
    ),
    "heads": ("ClassificationHead", "MultiLabelHead", "RegressionHead"),
    "modalities": (
        "AudioModality",
        "EmbeddingModality",
        "ImageModality",
        "PointCloudModality",
        "SequenceModality",
        "TabularModality",
        "TextModality",
        "TimeSeriesModality",
        "VideoModality",
    ),
    "perturbing": ("robustness",),
    "prediction": ("explain", "predict"),
    "registry": ("get", "known", "register"),
    "schemes": (
        "ContrastiveScheme",
        "CorruptionScheme",
        "DistillationScheme",
        "GradientBlendScheme",
        "GradientModulationScheme",
        "Scheme",
        "UnimodalScheme",
    ),
    "training": ("fit",),
    "word_vectors": ("WordVectors",),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}
_MODULES = ("base", "data", "encoders", "fusion", "heads", "modalities", "runtime", "serving")
_COMPONENTS = (
    "base.missing",
    "base.calibration",
    "base.unusual",
    "modalities",
    "encoders",
    "fusion",
    "heads",
    "balances",
    "schemes",
)
_AWAITED, _LOADED = ("keras", f"{__name__}.registry", f"{__name__}.base"), set[str]()

__all__ = ["__version__", *sorted(_HOME), *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _register_components(module: Any) -> None:
    """Fill Keras's registry, so that `keras.saving.load_model` knows our classes, once nothing that they need is half
    imported: Keras comes with the first of our modules that imports it.
    """
    _LOADED.add(module.__name__)
    if "keras" in _LOADED and not [name for name in _AWAITED if name in sys.modules and name not in _LOADED]:
        for name in _COMPONENTS:
            importlib.import_module(f"{__name__}.{name}")


if "keras" in sys.modules:
    _register_components(sys.modules["keras"])
elif importlib.util.find_spec("keras"):
    # wrapt comes with TensorFlow. Where neither is installed, models are run and not made: see `runtime`.
    for _name in _AWAITED:
        importlib.import_module("wrapt").register_post_import_hook(_register_components, _name)
