"""One run in one file: frozen dataclasses read from YAML or JSON. Unknown keys are refused."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from multimodal_keras.errors import ON_ERROR

Spec = TypeVar("Spec")

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class TrainingOptions:
    """How a model is trained.

    Attributes:
        epochs: how often the training records are gone through, at most.
        batch_size: records in a batch.
        learning_rate: the peak of the schedule.
        schedule: `"constant"`, or `"cosine"` down to 0 over all epochs.
        warmup_steps: steps over which the learning rate rises from 0; a tenth of all steps at most.
        weight_decay: decoupled, as in AdamW.
        l1: weight of the absolute values of kernels and embeddings in the loss.
        l2: weight of the squares of kernels and embeddings in the loss.
        clip_norm: gradients are scaled down to this global norm; None for no clipping.
        patience: stop after so many epochs without a better value of `monitor`, those of the warm-up not counted; None to
            go through all epochs.
        monitor: what is to fall: `"val_loss"` and the like, or to rise: a metric's name; None for the loss on validation
            records, or on training records where there are none.
        jit_compile: whether XLA compiles the whole step; on a CPU convolutions get slower by it.
        shuffle: whether each epoch has another order.
        shuffle_window: without a cache, how many rows to shuffle among.
        cache: None to decode in every epoch, `"memory"`, or a folder.
        on_error: `"raise"`, or `"skip"` to leave out and list records that cannot be used.
        seed: of the order.
        tensorboard: whether to write TensorBoard logs into the run folder.
        balance: how several tasks are weighed against each other: a `Balance`; None for the heads' `loss_weight`.
        schemes: what else is done while training: `Scheme`s.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    warmup_steps: int = 100
    weight_decay: float = 1e-4
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = 1.0
    patience: int | None = 5
    monitor: str | None = None
    jit_compile: bool = False
    shuffle: bool = True
    shuffle_window: int = 10_000
    cache: str | None = "memory"
    on_error: str = "raise"
    seed: int = 0
    tensorboard: bool = False
    balance: Any = None
    schemes: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        for name, known in (("schedule", SCHEDULES), ("on_error", ON_ERROR)):
            if getattr(self, name) not in known:
                received = f"Received {getattr(self, name)!r}. Choose one of these."
                raise ValueError(f"{name} is one of {', '.join(known)}. {received}")
        for name in ("epochs", "batch_size", "learning_rate", "shuffle_window", "clip_norm", "patience"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                none = ", or leave it out with None" if name in ("clip_norm", "patience") else ""
                raise ValueError(f"{name} is above 0. Received {value!r}. Raise it{none}.")
        for name in ("warmup_steps", "weight_decay", "l1", "l2", "seed"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is 0 or more. Received {getattr(self, name)!r}. Raise it.")


@dataclass(frozen=True)
class SplitOptions:
    """How records are split where the file has no `split` column and no separate validation file.

    Attributes:
        fractions: of training, validation and test.
        by: the column whose values are spread evenly over the parts.
        group: the column whose equal values never come apart.
        seed: of the hash.
    """

    fractions: tuple[float, ...] = (0.8, 0.1, 0.1)
    by: str | None = None
    group: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class RunSpec:
    """One run: which records, which model, how it is trained, where it goes.

    Components are class names or `{"class_name": ..., "config": {...}}`.

    Attributes:
        data: the path of the records.
        valid: the path of validation records, if they are apart.
        split: how to split, or the name of a column that says `train`, `valid` or `test`.
        modalities: record field to modality.
        encoders: record field to encoder, where the default is not wanted.
        fusion: the fusion.
        heads: task to head.
        modality_dropout: see `build_model`.
        training: see `TrainingOptions`.
        precision: Keras's dtype policy, such as `"mixed_float16"`.
        seed: of the weights.
        plugins: Python files or modules to import first.
        output: the run folder.
    """

    data: str
    modalities: dict[str, Any]
    heads: dict[str, Any]
    output: str
    valid: str | None = None
    split: SplitOptions | str = field(default_factory=SplitOptions)
    encoders: dict[str, Any] = field(default_factory=dict)
    fusion: Any = "ConcatFusion"
    modality_dropout: float = 0.2
    training: TrainingOptions = field(default_factory=TrainingOptions)
    precision: str | None = None
    seed: int = 0
    plugins: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-able values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))


def read_spec(path: str | Path) -> dict[str, Any]:
    """The content of a run file, not checked yet: flags may still override it.

    Args:
        path: a `.yaml`, `.yml` or `.json` file.

    Raises:
        ValueError: if it cannot be read, or holds no mapping.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(
            f"A run file is YAML or JSON. Received {str(path)!r}, which cannot be read: {error}. Correct it."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"A run file holds fields and values. Received {str(path)!r} with a {type(content).__name__}.")
    return content


def make_spec(content: Mapping[str, Any]) -> RunSpec:
    """Check the content of a run file and make a `RunSpec` of it.

    Raises:
        ValueError: for an unknown, missing or wrong field; the message names the nearest known one.
    """
    content = dict(content)
    if isinstance(content.get("split"), Mapping):
        content["split"] = make(SplitOptions, content["split"], "split.")
    if "training" in content:
        content["training"] = make(TrainingOptions, content["training"] or {}, "training.")
    return make(RunSpec, content)


def make(cls: type[Spec], content: Mapping[str, Any], prefix: str = "") -> Spec:
    """Make one of these dataclasses; unknown keys and values of a wrong type are refused by name.

    Raises:
        ValueError: names the field, what was received, and what is known.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{prefix.rstrip('.') or 'A run'} holds fields and values. Received {content!r}.")
    known = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name, value in content.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"Did you mean {prefix}{near[0]}?" if near else f"Known: {', '.join(known)}."
            raise ValueError(f"Unknown field {prefix}{name}. {hint}")
        _check_type(f"{prefix}{name}", value, str(known[name].type))
    lacking = [
        name
        for name, item in known.items()
        if name not in content and item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]
    if lacking:
        raise ValueError(f"A run names {', '.join(prefix + name for name in lacking)}. Received none. Add the field.")
    tuples = {name for name, item in known.items() if str(item.type).startswith("tuple")}
    return cls(
        **{name: tuple(value) if name in tuples else _number(value, known[name]) for name, value in content.items()}
    )


_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "None": (type(None),),
    "SplitOptions": (SplitOptions,),
    "TrainingOptions": (TrainingOptions,),
}

_FORMS = {
    "dict": "names and values, such as {title: TextModality}",
    "tuple": "a list, in brackets",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "SplitOptions": "fractions, by, group and seed, or the name of a column",
    "TrainingOptions": "fields and values",
}


def _check_type(name: str, value: Any, annotation: str) -> None:
    if annotation == "Any":
        return
    if annotation.startswith(("dict", "tuple")):
        allowed: tuple[type, ...] = (Mapping,) if annotation.startswith("dict") else (list, tuple)  # type: ignore[assignment]
    else:
        allowed = tuple(kind for part in annotation.split(" | ") for kind in _TYPES[part])
    # YAML reads 1e-3 as text: only 1.0e-3 is a number there.
    is_number = isinstance(value, str) and "float" in annotation and _is_float(value)
    if is_number or (isinstance(value, allowed) and not (isinstance(value, bool) and bool not in allowed)):
        return
    form = next(form for kind, form in _FORMS.items() if annotation.startswith(kind))
    raise ValueError(f"{name} is {annotation}. Received {value!r} of type {type(value).__name__}. Write {form}.")


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(value: Any, item: dataclasses.Field[Any]) -> Any:
    return float(value) if isinstance(value, str) and "float" in str(item.type) else value
