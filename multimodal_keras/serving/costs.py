"""What a request's files cost to decode, told by their headers, before anything is decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from multimodal_keras.runtime.audio import sound_seconds
from multimodal_keras.runtime.image import picture_pixels
from multimodal_keras.runtime.video import video_pixels
from multimodal_keras.serving.parsing import Array
from multimodal_keras.serving.refusal import Refusal

MAX_REQUEST_PIXELS = 200_000_000
MAX_REQUEST_SECONDS = 3600


@dataclass(frozen=True)
class Cost:
    """How files of one kind of field are measured.

    Attributes:
        unit: what is counted, for people.
        count: from a file's content, and what the contract says of its field, to how many it decodes to, by its header
            alone; `ValueError` if that cannot be read.
        limit: the key of the contract that says how many one value may have; where it is not there, each file is looked at.
    """

    unit: str
    count: Callable[[bytes, Mapping[str, Any]], int]
    limit: str


# A kind of field whose files can be small and decode to much has its line here, and its limit in `create_app`.
COSTS: Mapping[str, Cost] = {
    "audio": Cost("seconds", lambda data, facts: sound_seconds(data, bool(facts.get("compressed"))), "max_seconds"),
    "image": Cost("pixels", lambda data, _: picture_pixels(data), "max_pixels"),
    "video": Cost("pixels", lambda data, _: video_pixels(data), "max_pixels"),
}


class RequestCosts:
    """Refuses requests that are within every other limit, and would still decode to too much.

    Each file has a limit of its own, which the model checks. This is for their sum.

    Args:
        contract: of the model.
        limits: kind of field to the most that a request may hold of it, over all records and fields.

    Raises:
        ValueError: if a limit is below 1.
    """

    def __init__(self, contract: Mapping[str, Any], limits: Mapping[str, int]) -> None:
        if min(limits.values(), default=1) < 1:
            raise ValueError(f"A request's limits are at least 1. Received {dict(limits)}. Raise them.")
        self._limits = limits
        fields = contract["modalities"].items()
        self._facts = {kind: {field: facts for field, facts in fields if facts["kind"] == kind} for kind in COSTS}

    def check(self, inputs: Mapping[str, Array], specs: Mapping[str, Mapping[str, Any]]) -> None:
        """Look at a request.

        Args:
            inputs: of a signature; where it takes raw values, field to the files of all records.
            specs: input to `dtype`; those that are not strings are decoded already.

        Raises:
            Refusal: 413, if they hold too much together.
        """
        for kind, limit in self._limits.items():
            cost, fields = COSTS[kind], self._facts[kind]
            sent = {field: facts for field, facts in fields.items() if specs.get(field, {}).get("dtype") == "string"}
            # Few files cannot hold too much together: most requests are not looked into at all.
            each = {field: facts.get(cost.limit) for field, facts in sent.items()}
            most = [None if one is None else one * len(inputs[field]) for field, one in each.items()]
            if None in most or sum(filter(None, most)) > limit:
                _check_sum(
                    cost, limit, [(data, facts) for field, facts in sent.items() for data in _files(inputs[field])]
                )


def _files(values: Array) -> list[bytes]:
    """Those of all records, of which each may have several."""
    return values if isinstance(values, list) else values.reshape(-1).tolist()


def _check_sum(cost: Cost, limit: int, files: list[tuple[bytes, Mapping[str, Any]]]) -> None:
    total = sum(_count(cost, data, facts) for data, facts in files if data)
    if total > limit:
        raise Refusal(
            f"A request's files hold at most {limit} {cost.unit} together. Received {total}. "
            "Send fewer records, or smaller files.",
            413,
        )


def _count(cost: Cost, data: bytes, facts: Mapping[str, Any]) -> int:
    try:
        return cost.count(data, facts)
    except ValueError:
        return 0  # It will not be decoded either, and is refused with the reason.
