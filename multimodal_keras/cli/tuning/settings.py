"""What is tuned, and the file that `serve --tuning` reads."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from multimodal_keras.serving.batcher import MAX_BATCH, MAX_WAITING
from multimodal_keras.serving.server import THREADS

FORMAT = 1
MOST_SETTINGS = 24


@dataclass(frozen=True)
class Setting:
    """One way to run a server.

    Attributes:
        max_batch: records in one call of the model.
        max_waiting: records that may wait for it.
        threads: requests that are worked on at a time.
        intra_op_threads: among which TensorFlow divides one operation; 0 leaves the choice to it.
    """

    max_batch: int = MAX_BATCH
    max_waiting: int = MAX_WAITING
    threads: int = THREADS
    intra_op_threads: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())

    def options(self) -> dict[str, int]:
        """What `serve` is called with; `intra_op_threads` is for the environment."""
        return {name: value for name, value in asdict(self).items() if name != "intra_op_threads"}


DEFAULT = Setting()


def grid(values: Mapping[str, Sequence[int]]) -> list[Setting]:
    """All combinations of values, behind the default, with which each is compared.

    Args:
        values: field of `Setting` to the values to try.

    Raises:
        ValueError: if a value is too small, or there are too many combinations.
    """
    for name, tried in values.items():
        least = 0 if name == "intra_op_threads" else 1
        if not tried or min(tried) < least:
            raise ValueError(f"{name} is {least} or more. Received {list(tried)}. Raise it.")
    combined = [Setting(**dict(zip(values, chosen, strict=True))) for chosen in itertools.product(*values.values())]
    found = list(dict.fromkeys([DEFAULT, *combined]))
    if len(found) > MOST_SETTINGS:
        raise ValueError(f"At most {MOST_SETTINGS} settings are tried. Received {len(found)}. Give fewer values.")
    return found


def write_tuning(path: Path, setting: Setting, facts: Mapping[str, Any]) -> None:
    """Write the file that `serve --tuning` reads: a setting, and what it was found by."""
    content = {"format": FORMAT, "serve": asdict(setting), **facts}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_tuning(path: str | Path) -> Setting:
    """Read it again.

    Raises:
        ValueError: if it cannot be read, or holds something else.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        found = content["serve"] if content["format"] == FORMAT else {}
        names = {field.name for field in fields(Setting)}
        if found.keys() != names or any(type(value) is not int or value < 0 for value in found.values()):
            raise ValueError(f"its part 'serve' has {', '.join(sorted(names))}, whole numbers")
        return Setting(**found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"A tuning is a file that tune-serving wrote. Received {str(path)!r}: {error}. Run tune-serving again."
        ) from error
