"""Word vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.text import tokenize
from multimodal_keras.word_vectors.formats import read_entries
from multimodal_keras.word_vectors.training import train_vectors

_MISSING = ("random", "zero", "subword")


@dataclass(frozen=True)
class Coverage:
    """How much of a vocabulary has a vector.

    Attributes:
        known: how many tokens have one.
        total: how many tokens there are.
        missing: those that have none, in the vocabulary's order.
    """

    known: int
    total: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        some = ", ".join(self.missing[:10])
        share = self.known / max(self.total, 1)
        return f"{self.known} of {self.total} tokens have a vector ({share:.1%})" + (f"; not {some}" if some else "")


class WordVectors:
    """Words and their vectors, which begin the embedding of an encoder: `LSTMEncoder(embeddings=vectors)`.

    Use them where records are few: what words mean was learned from other texts, or from your own unlabelled ones.

    Args:
        words: each once.
        vectors: `float32 (words, width)`.
        missing: what a token without a vector gets: `"random"`, drawn with the mean and deviation of each number;
            `"zero"`; or `"subword"`, the mean of what its pieces of 3 to 5 characters have, where a piece has the mean of
            all words with that piece (zeros if no piece is known).

    Raises:
        ValueError: if lengths differ, a word comes twice, or `missing` is something else.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> vectors = mk.WordVectors(["cat", "dog"], np.eye(2), missing="zero")
    >>> vectors.matrix(["dog", "fish"]).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    >>> print(vectors.coverage(["dog", "fish"]))
    1 of 2 tokens have a vector (50.0%); not fish

    Reference:
        Mikolov et al., Efficient Estimation of Word Representations in Vector Space (arXiv:1301.3781); Pennington et al.,
        GloVe, EMNLP 2014; Bojanowski et al., Enriching Word Vectors with Subword Information (arXiv:1607.04606).
    """

    def __init__(self, words: Sequence[str], vectors: Any, *, missing: str = "random") -> None:
        if missing not in _MISSING:
            raise ValueError(f"missing is one of {', '.join(_MISSING)}. Received {missing!r}. Choose one of these.")
        self.words = tuple(words)
        self.vectors = np.asarray(vectors, "float32")
        self.missing = missing
        self._index = {word: row for row, word in enumerate(self.words)}
        if self.vectors.ndim != 2 or len(self._index) != len(self.vectors) or len(self.words) != len(self._index):
            raise ValueError(
                f"Each word comes once, and has one vector. Received {len(self.words)} words, {len(self._index)} of them "
                f"different, and vectors {self.vectors.shape}. Pass as many of one as of the other."
            )

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return int(self.vectors.shape[1])

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        vocabulary: Iterable[str] | None = None,
        format: str = "auto",
        missing: str = "random",
    ) -> WordVectors:
        """Read a file of word2vec (text or binary), GloVe or fastText (`.vec`), gzipped or not.

        Args:
            path: of the file.
            vocabulary: the only words to keep in memory; None for all. Words are compared as they are: texts are
                lower-cased by `TextModality`, so prefer files of lower-case words.
            format: `"auto"`, `"word2vec"`, `"glove"` or `"binary"`; see `formats.read_entries`.
            missing: see the class; `"subword"` wants all words, so it is refused with a vocabulary.

        Raises:
            ValueError: naming the line, for a damaged file; or if no word of the vocabulary is in it.
        """
        wanted = None if vocabulary is None else set(vocabulary)
        if missing == "subword" and wanted is not None:
            raise ValueError("missing='subword' looks at all words. Received a vocabulary. Leave the vocabulary out.")
        found = dict(read_entries(Path(path), format, wanted))
        if not found:
            raise ValueError(
                f"Some word has a vector. Received {path}, which has none"
                f"{'' if wanted is None else f' of the {len(wanted)} words of the vocabulary'}. Check language and case."
            )
        return cls(list(found), np.stack(list(found.values())), missing=missing)

    @classmethod
    def train(
        cls,
        texts: Iterable[str | bytes],
        *,
        unit: str = "word",
        width: int = 100,
        algorithm: str = "skip_gram",
        missing: str = "random",
        **options: Any,
    ) -> WordVectors:
        """Train vectors on texts, labelled or not, tokenized as `TextModality` does.

        Args:
            texts: strings or UTF-8 bytes; read several times.
            unit: the modality's.
            width: of the vectors.
            algorithm: `"skip_gram"`, better for few texts, or `"cbow"`, faster.
            missing: see the class.
            **options: of gensim's `Word2Vec`, such as `window=5`, `epochs=10`, `min_count=2`, `negative=5`, `seed=1`; for
                very few words `sample=0`, which leaves none of the frequent ones out.

        Raises:
            ValueError: without gensim (the extra `vectors`), or if no word is frequent enough.
        """
        words, vectors = train_vectors(texts, unit, width, algorithm, options)
        return cls(words, vectors, missing=missing)

    def write(self, path: str | Path) -> None:
        """Write word2vec's text format, which `read` and others read."""
        with Path(path).open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
            stream.write(f"{len(self.words)} {self.width}\n")
            for word, vector in zip(self.words, self.vectors, strict=True):
                stream.write(f"{word} {' '.join(map(repr, map(float, vector)))}\n")

    def coverage(self, tokens: Iterable[str]) -> Coverage:
        """How many of these tokens have a vector."""
        tokens = list(tokens)
        missing = tuple(token for token in tokens if token not in self._index)
        return Coverage(len(tokens) - len(missing), len(tokens), missing)

    def matrix(self, tokens: Sequence[str], seed: int = 0) -> np.ndarray:
        """A vector for each token, `float32 (tokens, width)`; the same seed gives the same random ones."""
        random = np.random.default_rng(seed)
        rows = random.normal(self.vectors.mean(axis=0), self.vectors.std(axis=0), (len(tokens), self.width))
        if self.missing == "zero":
            rows[:] = 0
        elif self.missing == "subword":
            rows = self._from_pieces(tokens)
        places = [(row, self._index[token]) for row, token in enumerate(tokens) if token in self._index]
        if places:
            into, out_of = np.array(places).T
            rows[into] = self.vectors[out_of]
        return rows.astype("float32")

    def _from_pieces(self, tokens: Sequence[str]) -> np.ndarray:
        needed = {token: _pieces(token) for token in tokens if token not in self._index}
        pieces = set().union(*needed.values())
        sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(self.width))
        counts: dict[str, int] = defaultdict(int)
        for word, vector in zip(self.words, self.vectors, strict=True):
            for piece in _pieces(word) & pieces:
                sums[piece] += vector
                counts[piece] += 1
        rows = np.zeros((len(tokens), self.width))
        for row, token in enumerate(tokens):
            if found := [sums[piece] / counts[piece] for piece in sorted(needed.get(token, ())) if piece in counts]:
                rows[row] = np.mean(found, axis=0)
        return rows


def _pieces(word: str) -> set[str]:
    """The pieces of 3 to 5 characters of a word between `<` and `>`."""
    return {piece for piece in tokenize(word, "subword") if len(piece) <= 5}
