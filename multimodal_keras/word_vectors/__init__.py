"""Word vectors: read from files of word2vec, GloVe and fastText, trained on your own texts, given to encoders."""

from multimodal_keras.word_vectors.vectors import Coverage, WordVectors

__all__ = ["Coverage", "WordVectors"]
