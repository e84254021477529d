"""Make all that people who run TensorFlow Serving need of an export, in one folder."""

from multimodal_keras.bundling.bundle import Bundle, bundle

__all__ = ["Bundle", "bundle"]
