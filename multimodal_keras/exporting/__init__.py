"""Export to SavedModel and TFLite, with the contract and the proof of parity."""

from multimodal_keras.exporting.artefact import Exported, export
from multimodal_keras.exporting.contract import contract
from multimodal_keras.exporting.options import TFLiteOptions
from multimodal_keras.exporting.parity import ParityError

__all__ = ["Exported", "ParityError", "TFLiteOptions", "contract", "export"]
