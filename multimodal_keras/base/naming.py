"""Names: record field = dict key = `Input` name = request key; task = label key = output key = report column."""

from __future__ import annotations

import re
from collections.abc import Iterable

from multimodal_keras.runtime.signatures import BESIDE, OOD_SCORE, baseline_name, beside_name, contributions_name

PRESENT = "_present"

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def presence_name(field: str) -> str:
    """The name of the `bool` input that says whether an optional modality is there."""
    return f"{field}{PRESENT}"


def check_names(fields: Iterable[str], tasks: Iterable[str]) -> None:
    """Check record fields and tasks together, before anything is built.

    Args:
        fields: the names of the modalities.
        tasks: the names of the heads.

    Raises:
        ValueError: if a name is not `[a-z][a-z0-9_]*` (signatures rewrite or refuse others), or two clash.
    """
    fields, tasks = list(fields), list(tasks)
    for kind, names in (("modality", fields), ("task", tasks)):
        if not names:
            raise ValueError(f"A model has at least one {kind}. Received none. Add one to the dict.")
        for name in names:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(
                    f"The name of a {kind} is a lower-case letter, then lower-case letters, digits and underscores. "
                    f"Received {name!r}. Rename the field in your records: it is the input's and the request's name too."
                )
    every = fields + [presence_name(field) for field in fields] + tasks
    every += [made(task) for task in tasks for made in (contributions_name, baseline_name)]
    every += [beside_name(task, kind) for task in tasks for kind in BESIDE] + [OOD_SCORE]
    clashes = sorted({name for name in every if every.count(name) > 1})
    if clashes:
        raise ValueError(
            f"Fields, tasks, {presence_name('<field>')}, {contributions_name('<task>')}, {baseline_name('<task>')}, "
            f"{', '.join(beside_name('<task>', kind) for kind in BESIDE)} and {OOD_SCORE} have different names. Received "
            f"twice: {', '.join(clashes)}. Rename one of the two."
        )
