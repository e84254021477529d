"""What changed between two contracts, and which clients of the old one it breaks.

Raw clients send records to a server, which decodes them. Device clients decode by themselves and send tensors to a TFLite
file, as an app does. What breaks them differs: a new vocabulary is the server's own affair, but an app has the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.raw import raw_spec
from multimodal_keras.runtime.signatures import EXPLAIN, baseline_name, contributions_name

RAW, DEVICE = "raw", "device"
NOBODY: tuple[str, ...] = ()
BOTH = (RAW, DEVICE)

# What is told by a rule of its own, and is not part of a kind of field.
_TOLD_APART = {
    "classification": frozenset({"labels", "calibration"}),
    "multilabel": frozenset({"labels", "calibration"}),
    # What learning found in the records, and no client sees.
    "regression": frozenset({"mean", "deviation", "calibration"}),
}
# The most that a file may hold: less of it breaks who sends more.
_LIMITS = frozenset({"max_pixels", "max_seconds"})
_SHOWN = 5

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One difference between two contracts.

    Attributes:
        place: where, such as `modalities.title.vocabulary`.
        change: what.
        breaks: which clients of the old one it breaks: of `"raw"` and `"device"` none, one or both.
    """

    place: str
    change: str
    breaks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{'breaks ' + ', '.join(self.breaks) if self.breaks else 'compatible':20}{self.place}: {self.change}"


def decoding_differences(old: Facts, new: Facts) -> Iterator[Difference]:
    """Differences in what fields are sent, and how they are decoded.

    Args:
        old: contract.
        new: contract.
    """
    for field, before, after in _pairs(old["modalities"], new["modalities"]):
        place = f"modalities.{field}"
        if after is None:
            yield Difference(place, "removed", BOTH)
        elif before is None and after["optional"]:
            yield Difference(place, "added, optional; TensorFlow Serving and /v1 want it in requests, empty", (DEVICE,))
        elif before is None:
            yield Difference(place, "added, required", BOTH)
        elif before["kind"] != after["kind"]:
            yield Difference(f"{place}.kind", _became(before["kind"], after["kind"]), BOTH)
        else:
            yield from _field(place, before, after)
    if "code_points" in old and old["code_points"] != new.get("code_points", old["code_points"]):
        yield Difference("code_points", "other tables: the same text gives other tokens", (DEVICE,))


def _field(place: str, old: Facts, new: Facts) -> Iterator[Difference]:
    if old["optional"] and not new["optional"]:
        yield Difference(f"{place}.optional", "required now", BOTH)
    if new["optional"] and not old["optional"]:
        yield Difference(f"{place}.optional", "may be missing now; devices have to say whether it is there", (DEVICE,))
    if old.get("vocabulary") != new.get("vocabulary"):
        yield Difference(f"{place}.vocabulary", _tokens(old["vocabulary"], new["vocabulary"]), (DEVICE,))
    for limit in _LIMITS & old.keys() & new.keys():
        if old[limit] != new[limit]:
            breaks = (RAW,) if new[limit] < old[limit] else NOBODY
            yield Difference(f"{place}.{limit}", _became(old[limit], new[limit]), breaks)
    if raw_spec(old) != raw_spec(new):
        yield Difference(f"{place}.raw", _became(raw_spec(old), raw_spec(new)), (RAW,))
    yield from _columns(f"{place}.columns", old, new)
    yield from _facts(place, old, new)


def _columns(place: str, old: Facts, new: Facts) -> Iterator[Difference]:
    """Differences in the columns that a field is made of. What learning found in numbers, no client sees."""
    sides = [{column["name"]: column for column in facts.get("columns", ())} for facts in (old, new)]
    for name, before, after in _pairs(*sides):
        if after is None:
            yield Difference(f"{place}.{name}", "removed", BOTH)
        elif before is None:
            yield Difference(f"{place}.{name}", "added", NOBODY)
        elif before["kind"] != after["kind"]:
            yield Difference(f"{place}.{name}.kind", _became(before["kind"], after["kind"]), BOTH)
        else:
            if before.get("vocabulary") != after.get("vocabulary"):
                said = _tokens(before.get("vocabulary") or [], after.get("vocabulary") or [])
                yield Difference(f"{place}.{name}.vocabulary", said, (DEVICE,))
            for fact in ("hash_buckets", "place"):
                if before.get(fact) != after.get(fact):
                    yield Difference(f"{place}.{name}.{fact}", _became(before.get(fact), after.get(fact)), (DEVICE,))
    kept = [[name for name in side if name in other] for side, other in zip(sides, sides[::-1], strict=True)]
    if kept[0] != kept[1]:
        yield Difference(place, "another order; by name they are the same", (RAW,))


def _facts(place: str, old: Facts, new: Facts) -> Iterator[Difference]:
    """All that the old contract promises, but what is told apart."""
    kind = KINDS.get(old["kind"])
    told = kind.free_facts if kind else _TOLD_APART.get(old["kind"], frozenset())
    for name in sorted(old.keys() - {"kind", "optional", "raw"} - told):
        if old[name] != new.get(name):
            breaks = (DEVICE,) if kind and name in kind.device_facts else BOTH
            yield Difference(f"{place}.{name}", _became(old[name], new.get(name)), breaks)


def answer_differences(old: Facts, new: Facts) -> Iterator[Difference]:
    """Differences in what is answered, and what it means.

    Args:
        old: contract.
        new: contract.
    """
    for task, before, after in _pairs(old["tasks"], new["tasks"]):
        place = f"tasks.{task}"
        if after is None:
            yield Difference(place, "removed", BOTH)
        elif before is None:
            named = "; TensorFlow Serving and /v1 name the outputs now that there are several"
            yield Difference(place, f"added{named if len(old['tasks']) == 1 else ''}", NOBODY)
        elif before["kind"] != after["kind"]:
            yield Difference(f"{place}.kind", _became(before["kind"], after["kind"]), BOTH)
        else:
            if before.get("labels") != after.get("labels"):
                yield Difference(f"{place}.labels", _labels(before["labels"], after["labels"]), BOTH)
            yield from _facts(place, before, after)


def signature_differences(old: Facts, new: Facts) -> Iterator[Difference]:
    """Differences in the signatures of two SavedModels, apart from what fields and tasks tell.

    Args:
        old: contract.
        new: contract.
    """
    told = _told(old, new)
    for name, before, after in _pairs(old["signatures"], new["signatures"]):
        place = f"signatures.{name}"
        if after is None:
            yield Difference(place, "removed", (RAW,))
        elif before is None:
            yield Difference(place, "added", NOBODY)
        elif name != "tensors":  # Its tensors are those of the TFLite file.
            yield from _interface(place, before, after, told, RAW)


def device_differences(place: str, old: Facts, new: Facts) -> Iterator[Difference]:
    """Differences between two TFLite files, apart from what fields and tasks tell.

    Args:
        place: what the file is called.
        old: its contract.
        new: contract of the file that takes its place.
    """
    before, after = old["tflite"], new["tflite"]
    if before["signature"] != after["signature"]:
        yield Difference(f"{place}.signature", _became(before["signature"], after["signature"]), (DEVICE,))
    yield from _interface(place, before, after, _told(old, new), DEVICE)
    if EXPLAIN in before and EXPLAIN not in after:
        yield Difference(f"{place}.{EXPLAIN}", "removed", (DEVICE,))
    elif EXPLAIN in after and EXPLAIN not in before:
        yield Difference(f"{place}.{EXPLAIN}", "added", NOBODY)
    elif EXPLAIN in before:
        one, other = ({"inputs": {}, "outputs": facts[EXPLAIN]["outputs"]} for facts in (before, after))
        yield from _interface(f"{place}.{EXPLAIN}", one, other, _told(old, new), DEVICE)
    if after.get("stateful") and not before.get("stateful"):
        yield Difference(f"{place}.stateful", f"{after.get('warning', 'keeps its state between calls')}", (DEVICE,))
    elif before.get("stateful") and not after.get("stateful"):
        yield Difference(
            f"{place}.stateful", "keeps no state any more; a reset before each record does no harm", NOBODY
        )
    if before.get("quantize") != after.get("quantize"):
        yield Difference(f"{place}.quantize", _became(before.get("quantize"), after.get("quantize")), NOBODY)


def _interface(place: str, old: Facts, new: Facts, told: set[str], clients: str) -> Iterator[Difference]:
    for side in ("inputs", "outputs"):
        for name, before, after in _pairs(old[side], new[side]):
            where = f"{place}.{side}.{name}"
            if name in told:
                continue
            if before is None:
                # Nobody has to read an output, but an input that is not given is an error, on devices as well.
                yield Difference(where, "added", (clients,) if side == "inputs" else NOBODY)
            elif after is None:
                yield Difference(where, "removed", (clients,))
            else:
                yield from _specs(where, before, after, clients)


def _specs(place: str, old: Facts, new: Facts, clients: str) -> Iterator[Difference]:
    for name in ("dtype", "shape"):
        if old[name] != new[name]:
            yield Difference(f"{place}.{name}", _became(old[name], new[name]), (clients,))
    if old.get("quantization") != new.get("quantization") and old["dtype"] == new["dtype"]:
        yield Difference(f"{place}.quantization", "another scale; read it from the file", NOBODY)


def _told(old: Facts, new: Facts) -> set[str]:
    """Inputs and outputs whose difference is told by that of their field or task."""
    names = set()
    for field, before, after in _pairs(old["modalities"], new["modalities"]):
        if before is None or after is None or before["kind"] != after["kind"]:
            names |= {field, f"{field}_present"}
        elif before["optional"] != after["optional"]:
            names.add(f"{field}_present")
    for task, before, after in _pairs(old["tasks"], new["tasks"]):
        if (
            before is None
            or after is None
            or (before["kind"], before.get("labels")) != (after["kind"], after.get("labels"))
        ):
            names |= {task, contributions_name(task), baseline_name(task)}
    if old["modalities"].keys() != new["modalities"].keys():
        # One row for each field, in the order that the contract tells.
        names |= {contributions_name(task) for task in old["tasks"]}
    return names


def _pairs(old: Facts, new: Facts) -> list[tuple[str, Any, Any]]:
    return [(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())]


def _became(old: Any, new: Any) -> str:
    return f"{_short(old)} became {_short(new)}"


def _short(value: Any) -> str:
    if isinstance(value, list) and len(value) > _SHOWN:
        return f"[{', '.join(map(str, value[:_SHOWN]))}, ... {len(value)} in all]"
    return "nothing" if value is None else str(value)


def _labels(old: list[str], new: list[str]) -> str:
    gone, come = [name for name in old if name not in new], [name for name in new if name not in old]
    said = [f"{what} {_short(names)}" for what, names in (("removed", gone), ("added", come)) if names]
    kept = [name for name in old if name in new]
    return "; ".join([*said, *(["another order"] if kept != [name for name in new if name in old] else [])])


def _tokens(old: list[str], new: list[str]) -> str:
    place = {token: number for number, token in enumerate(new)}
    gone = sum(token not in place for token in old)
    moved = sum(place.get(token, number) != number for number, token in enumerate(old))
    return f"{gone} tokens removed, {len(new) - len(old) + gone} added, {moved} with another id"
