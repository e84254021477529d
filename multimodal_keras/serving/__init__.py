"""Serve an exported folder over HTTP: TensorFlow Serving's REST paths, and a plain one for people."""

from multimodal_keras.serving.app import create_app
from multimodal_keras.serving.server import serve

__all__ = ["create_app", "serve"]
