"""The OpenAPI 3.1 document of the models that a server answers for, made from their contracts."""

from multimodal_keras.serving.openapi.document import VERSION, document

__all__ = ["VERSION", "document"]
