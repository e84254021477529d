"""The baseline that a text model has to beat: TF-IDF and logistic regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from multimodal_keras.data import Records

STRENGTHS = (1.0, 10.0, 100.0)


def tfidf_probabilities(
    train: Records, valid: Records, test: Records, *, text: str, task: str, labels: Sequence[str]
) -> np.ndarray:
    """What words and character n-grams of a text say about a label.

    Args:
        train: records to learn from.
        valid: records to choose the strength of regularisation by.
        test: records to answer.
        text: the field to read.
        task: the field with the label.
        labels: the order of the answer's columns.

    Returns:
        Probabilities, `(test records, labels)`.
    """
    known, unknown = _columns(train, text, task), _columns(valid, text, task)
    fitted = [_pipeline(strength).fit(*known) for strength in STRENGTHS]
    best: Pipeline = max(fitted, key=lambda pipeline: pipeline.score(*unknown))
    order = [list(best.classes_).index(label) for label in labels]
    return best.predict_proba([_text(record[text]) for record in test])[:, order]


def _pipeline(strength: float) -> Pipeline:
    words = TfidfVectorizer(sublinear_tf=True)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return make_pipeline(make_union(words, pieces), LogisticRegression(C=strength, max_iter=2000))


def _columns(records: Records, text: str, task: str) -> tuple[list[str], list[str]]:
    rows = [record for record in records if record[task] is not None]
    return [_text(record[text]) for record in rows], [str(record[task]) for record in rows]


def _text(value: object) -> str:
    return str(value or "")
