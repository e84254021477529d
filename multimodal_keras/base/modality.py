"""The contract of a modality: how one field of a record becomes numbers, on the host and on the device."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from multimodal_keras.runtime.raw import SCALAR


@dataclass(frozen=True)
class FeatureColumn:
    """One column of a feature vector: neighbouring numbers that belong together, or the id of a category.

    Attributes:
        size: how many numbers it has.
        cardinality: how many ids there are (0 is a missing one), of a column that is one id; None for numbers.
    """

    size: int
    cardinality: int | None = None


@dataclass(frozen=True)
class FeatureSpec:
    """What a modality hands to its encoder, per record.

    Attributes:
        shape: without the batch dimension.
        dtype: the name of the dtype.
        vocabulary_size: for token ids, how many there are (ids are below it; 0 pads, 1 is unknown); None for
            numbers.
        columns: what a vector `(features,)` is made of, from its start on: columns of numbers first, then ids. Empty
            where it is no table.
        vocabulary: the tokens of the ids from 2 on, where they are words. Empty otherwise.
        document_counts: how many training records there were, then in how many of them each id from 2 on occurs. Empty
            where nobody counted.
    """

    shape: tuple[int | None, ...]
    dtype: str
    vocabulary_size: int | None = None
    columns: tuple[FeatureColumn, ...] = ()
    vocabulary: tuple[str, ...] = ()
    document_counts: tuple[int, ...] = ()


class Modality(keras.layers.Layer):
    """One field of a record: its host half is `decode`, its device half is `call`. It has no trainable weights.

    Use it as the base class of a new kind of input. A subclass has one file, `@register`, its `kind` (the word for it in
    contracts), its `default_encoder`, the `file_suffixes` of a path column if it has one, and these methods:

    * `raw_spec`, `tensor_spec`, `feature_spec`: what a client sends, what a device sends, what the encoder gets;
    * `read`: the value in a record (a path, a string, an array) to what a client would send (Python, no TensorFlow ops);
    * `decode`: raw values to the device's tensor (pure TensorFlow, batch-wise, the same function in training and serving);
    * `call`: everything numeric that must never be written twice;
    * `adapt` and `is_adapted`, if something has to be learned from records before there is a graph;
    * `columns`, if one field is made of several columns of a record;
    * `contract`: what somebody without this package needs to know to send the right tensor.

    Args:
        optional: whether a record may lack this field. The model then has a `bool` input `<field>_present`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tensor: `(batch, *tensor_spec().shape)`, dtype of `tensor_spec()`.
        training: augmentation happens only when true.

    Returns:
        Features `(batch, *feature_spec().shape)`, or a pair of these and a `bool` step mask `(batch, steps)`. Steps
        that count come first: sequences are padded on the right.
    """

    kind = "modality"
    columns: tuple[str, ...] = ()
    default_encoder = "TransformerEncoder"
    file_suffixes: tuple[str, ...] = ()

    def __init__(self, *, optional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if optional not in (True, False):
            raise ValueError(f"optional is true or false. Received {optional!r}. Write one of these, without quotes.")
        self.optional = bool(optional)

    def build(self, tensor_shape: Any) -> None:
        self.built = True

    def raw_spec(self) -> tf.TensorSpec:
        """Shape (without the batch) and dtype of what a client sends."""
        return tf.TensorSpec((), tf.string)

    def tensor_spec(self) -> tf.TensorSpec:
        """Shape (without the batch) and dtype of what a device sends."""
        raise NotImplementedError

    def feature_spec(self) -> FeatureSpec:
        """What `call` returns, per record."""
        raise NotImplementedError

    def read(self, value: Any, folder: Path | None = None) -> Any:
        """Turn a record's value into what a client would send.

        Args:
            value: what the reader found; None or NaN where the cell is empty; a dict for a field of several `columns`.
            folder: the folder to which a path in the record is relative.

        Returns:
            A Python or numpy value for `raw_spec()`; `b""` or None where the field is missing.

        Raises:
            ValueError: if the value is of a wrong kind or its file cannot be read.
        """
        raise NotImplementedError

    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The host half: raw values to tensors.

        Where it has no Python branches on tensors, `tf.autograph.experimental.do_not_convert` on it saves seconds.

        Args:
            raw: `(batch, *raw_spec().shape)`.

        Returns:
            `(tensor, present)`: `(batch, *tensor_spec().shape)`, and `bool (batch,)`, false for a missing field.
        """
        raise NotImplementedError

    def adapt(self, values: Iterable[Any]) -> None:
        """Learn from raw values (as `read` returns them) what has to be known before there is a graph."""

    @property
    def is_adapted(self) -> bool:
        """Whether nothing is left to learn from records."""
        return True

    def host_resources(self) -> list[Any]:
        """TensorFlow resources that `decode` needs, such as lookup tables.

        They belong to the SavedModel and not to the TFLite file: keep them where Keras and TensorFlow do not track them.
        """
        return []

    def contract(self) -> dict[str, Any]:
        """JSON-able facts for a client: `kind`, what `decode` does, units and ranges; `raw` where it is not one string."""
        spec = self.raw_spec()
        raw = {"shape": list(spec.shape), "dtype": spec.dtype.name}
        return {"kind": self.kind} if raw == SCALAR else {"kind": self.kind, "raw": raw}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "optional": self.optional}
