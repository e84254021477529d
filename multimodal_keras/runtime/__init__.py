"""What a trained model needs where TensorFlow is not installed: decoding with numpy and Pillow, answers by LiteRT.

model = multimodal_keras.runtime.load("model.tflite")
model.predict([{"title": "black cat", "image": "cat.png"}])
"""

from multimodal_keras.runtime.artefacts import load
from multimodal_keras.runtime.kinds import Kind, register_kind

__all__ = ["Kind", "load", "register_kind"]
