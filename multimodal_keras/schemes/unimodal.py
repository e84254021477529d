"""A head for each modality alone, so that no encoder is left behind."""

from __future__ import annotations

from typing import Any

from multimodal_keras.registry import register
from multimodal_keras.schemes.scheme import Scheme
from multimodal_keras.schemes.seen import Looker, Seen, Term
from multimodal_keras.schemes.unimodal_heads import UnimodalHeads, unimodal_name


@register
class UnimodalScheme(Scheme):
    """Auxiliary heads: each modality has to answer every task by itself as well, through heads that are thrown away.

    Each encoder gets a gradient of its own, whatever the fusion makes of it. The history shows how good each modality
    is alone: `unimodal_<field>_loss`, also on validation records. One backward pass. Use it where one modality learns
    faster than the others and they stay behind, and for models that have to do without one.

    Args:
        weight: of the sum of the modalities' losses.
        **kwargs: Keras's own (`name`).

    Example:

    >>> import multimodal_keras as mk
    >>> mk.get({"class_name": "UnimodalScheme", "config": {"weight": 0.5}}, mk.Scheme).weight
    0.5

    Reference:
        Wang et al., What Makes Training Multi-Modal Classification Networks Hard? (arXiv:1905.12681), auxiliary losses
        with fixed weights; Du et al., On Uni-Modal Feature Learning in Supervised Multi-Modal Learning
        (arXiv:2305.01233).
    """

    def __init__(self, *, weight: float = 0.3, **kwargs: Any) -> None:
        super().__init__(weight=weight, **kwargs)

    def create(self, look: Looker) -> None:
        self.heads = UnimodalHeads(look, look.fields)

    def term_names(self) -> list[str]:
        return [unimodal_name(field) for field in self.heads.fields]

    def terms(self, seen: Seen) -> dict[str, Term]:
        return {unimodal_name(field): self.heads.loss(seen, field) for field in self.heads.fields}
