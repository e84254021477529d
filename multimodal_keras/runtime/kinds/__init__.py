"""Every kind of field that can be read and decoded without TensorFlow, by name."""

from __future__ import annotations

from multimodal_keras.runtime.kinds.audio import AUDIO
from multimodal_keras.runtime.kinds.embedding import EMBEDDING
from multimodal_keras.runtime.kinds.image import IMAGE
from multimodal_keras.runtime.kinds.kind import Kind
from multimodal_keras.runtime.kinds.pointcloud import POINTCLOUD
from multimodal_keras.runtime.kinds.sequence import SEQUENCE
from multimodal_keras.runtime.kinds.tabular import TABULAR
from multimodal_keras.runtime.kinds.text import TEXT
from multimodal_keras.runtime.kinds.timeseries import TIMESERIES
from multimodal_keras.runtime.kinds.video import VIDEO
from multimodal_keras.runtime.raw import Facts

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (AUDIO, EMBEDDING, IMAGE, POINTCLOUD, SEQUENCE, TABULAR, TEXT, TIMESERIES, VIDEO)
}


def register_kind(kind: Kind) -> Kind:
    """Make a kind of your own modality known, so that its records are read, served and decoded without TensorFlow.

    Raises:
        ValueError: if another kind has its name.
    """
    if KINDS.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"A kind's name is taken only once. Received {kind.name!r}, which is known. Rename it.")
    return kind


def kind_of(field: str, facts: Facts) -> Kind:
    """The kind of a field.

    Raises:
        ValueError: if it is unknown here.
    """
    if facts["kind"] not in KINDS:
        raise ValueError(
            f"Without TensorFlow, fields of the kinds {', '.join(sorted(KINDS))} are decoded. Received {field!r} "
            f"of the kind {facts['kind']!r}. Register its kind by multimodal_keras.runtime.register_kind, or send tensors."
        )
    return KINDS[facts["kind"]]


__all__ = ["KINDS", "Kind", "kind_of", "register_kind"]
