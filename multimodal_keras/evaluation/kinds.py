"""Which scores belong to which kind of head."""

from __future__ import annotations

from multimodal_keras.evaluation.classification import ClassificationScores
from multimodal_keras.evaluation.multilabel import MultiLabelScores
from multimodal_keras.evaluation.regression import RegressionScores
from multimodal_keras.evaluation.scores import Scores

KINDS: dict[str, type[Scores]] = {cls.kind: cls for cls in (ClassificationScores, MultiLabelScores, RegressionScores)}


def scores_for(kind: str) -> type[Scores]:
    """The scores of a kind of head.

    Args:
        kind: `"classification"`, `"multilabel"` or `"regression"`.

    Raises:
        ValueError: for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"A kind of task is one of {', '.join(KINDS)}. Received {kind!r}. Choose one of these.")
    return KINDS[kind]
