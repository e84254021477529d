"""Train word vectors on a corpus, with gensim and this package's tokens."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from multimodal_keras.runtime.text import check_unit, tokenize

ALGORITHMS = ("cbow", "skip_gram")


class _Sentences:
    """Texts as lists of tokens, as often as gensim asks."""

    def __init__(self, texts: Iterable[str | bytes], unit: str) -> None:
        self.texts = list(texts) if iter(texts) is texts else texts
        self.unit = unit

    def __iter__(self) -> Iterator[list[str]]:
        return (tokenize(text, self.unit) for text in self.texts)


def train_vectors(
    texts: Iterable[str | bytes], unit: str, width: int, algorithm: str, options: dict[str, Any]
) -> tuple[list[str], np.ndarray]:
    """Words, most frequent first, and their vectors `float32 (words, width)`; see `WordVectors.train`."""
    check_unit(unit)
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm is one of {', '.join(ALGORITHMS)}. Received {algorithm!r}. Choose one of these.")
    if importlib.util.find_spec("gensim") is None:
        raise ValueError(
            "Word vectors are trained by gensim. Received an installation without it. Run: pip install "
            "'multimodal-keras[vectors]'"
        )
    # One worker, so that the same texts give the same vectors.
    settings = {"min_count": 2, "epochs": 10, "seed": 1, "workers": 1, **options}
    models = importlib.import_module("gensim.models")
    try:
        found = models.Word2Vec(
            _Sentences(texts, unit), vector_size=width, sg=int(algorithm == "skip_gram"), **settings
        ).wv
    except RuntimeError as error:
        raise ValueError(
            f"Word vectors need texts with words that come {settings['min_count']} times. Received others: {error}. Give "
            "more texts, or lower min_count."
        ) from error
    return list(found.index_to_key), np.array(found.vectors, "float32")
