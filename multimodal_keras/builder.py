"""Assemble modalities, encoders, a fusion and heads into one functional Keras model. It names none of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras

from multimodal_keras.base import Encoder, Fusion, Head, Modality, check_names, presence_name, split_steps
from multimodal_keras.base.missing import AbsentZeros, Missing, ModalityDropout
from multimodal_keras.base.parts import FUSION, MODALITY_DROPOUT, layer_name
from multimodal_keras.errors import DataError, Origin, check_on_error
from multimodal_keras.registry import get
from multimodal_keras.runtime.raw import pick

DEFAULT_FUSION = "ConcatFusion"


def build_model(
    modalities: Mapping[str, Any],
    heads: Mapping[str, Any],
    *,
    encoders: Mapping[str, Any] | None = None,
    fusion: Any = DEFAULT_FUSION,
    adapt_to: Iterable[Mapping[str, Any]] | None = None,
    on_error: str = "raise",
    modality_dropout: float = 0.2,
    seed: int | None = None,
) -> keras.Model:
    """Build a functional model over several modalities.

    Everything is checked before there is a graph, and an error names the field at fault.

    Args:
        modalities: record field to `Modality` (an instance, a class name, or a config dict).
        heads: task to `Head`.
        encoders: record field to `Encoder`, where the modality's default is not wanted.
        fusion: the `Fusion`.
        adapt_to: the records from which vocabulary, normalisation and label names are learned, and no others: training
            records. None if they are given by hand or were adapted already.
        on_error: what becomes of a record of `adapt_to` that cannot be read: `"raise"`, or `"skip"`, which learns
            from the others. `fit(on_error="skip")` lists it then.
        modality_dropout: the probability with which an optional modality is dropped from a record while training.
        seed: of the modality dropout.

    Returns:
        A `keras.Model`, not compiled. Inputs: `<field>` as the modality's `tensor_spec` says, and `bool`
        `<field>_present` for optional ones. Outputs: one float32 tensor for each task.

    Raises:
        ValueError: for bad or clashing names, an unknown component, an encoder for a field that is no modality,
            something that was not adapted, or a record that cannot be read (file and row are named).
        TypeError: for a component of the wrong kind.

    Example:

    >>> import multimodal_keras as mk
    >>> model = mk.build_model(
    ...     {"title": mk.TextModality(sequence_length=4), "image": mk.ImageModality(size=(32, 32))},
    ...     {"subject": mk.ClassificationHead()},
    ...     adapt_to=[{"title": "a cat", "subject": "animals"}, {"title": "a pear", "subject": "food"}],
    ... )
    >>> sorted(model.input), model.output["subject"].shape
    (['image', 'title'], (None, 2))
    """
    check_on_error(on_error)
    check_names(modalities, heads)
    known = {field: _component(modalities[field], Modality, field) for field in sorted(modalities)}
    tasks = {task: _component(heads[task], Head, task) for task in sorted(heads)}
    _check_columns(known, tasks)
    coders = _encoders(known, encoders or {})
    join = _component(fusion, Fusion, None)
    _adapt({**known, **tasks}, adapt_to, skips=on_error == "skip")
    join.configure({field: coder.default_pooling for field, coder in coders.items()})
    inputs, seen = _inputs(known, modality_dropout, seed)
    tokens, masks = {}, {}
    for field, modality in known.items():
        form = join.missing if modality.optional else None
        tokens[field], masks[field] = _branch(inputs[field], modality, coders[field], seen[field], form)
    fused = join(tokens, masks, seen)
    outputs = {task: keras.layers.Identity(dtype="float32", name=task)(head(fused)) for task, head in tasks.items()}
    return keras.Model(inputs, outputs, name="multimodal")


def _component(identifier: Any, base: type, key: str | None) -> Any:
    """A component under the name that it has in the graph.

    An instance that has no weights yet is a template: the model gets its own copy, so that adapting one model never
    changes another. One that is built brings its weights.
    """
    name = FUSION if key is None else layer_name(key, base)
    try:
        component: Any = get(identifier, base)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{'The fusion' if key is None else repr(key)}: {error}") from None
    if component.built:
        component.name = name
        return component
    return type(component).from_config({**component.get_config(), "name": name})


def _check_columns(modalities: Mapping[str, Modality], tasks: Mapping[str, Head]) -> None:
    for field, modality in modalities.items():
        told = sorted(set(modality.columns) & tasks.keys())
        if told:
            raise ValueError(
                f"A model does not see what it has to tell. Received {told[0]!r} as a task and as a column of {field!r}. "
                "Leave the column out."
            )


def _encoders(modalities: Mapping[str, Modality], given: Mapping[str, Any]) -> dict[str, Encoder]:
    strangers = sorted(set(given) - set(modalities))
    if strangers:
        raise ValueError(
            f"Encoders are named by the field of a modality. Received {', '.join(map(repr, strangers))}; the modalities "
            f"are {', '.join(modalities)}. Rename the encoder's key, or add the modality."
        )
    coders = {}
    for field, modality in modalities.items():
        coders[field] = _component(given.get(field, modality.default_encoder), Encoder, field)
    if len({id(coder) for coder in coders.values()}) < len(coders):
        raise ValueError("An encoder that has weights serves one field. Received one instance twice. Copy it first.")
    return coders


def _adapt(components: Mapping[str, Any], records: Iterable[Mapping[str, Any]] | None, *, skips: bool) -> None:
    for key, component in components.items():
        if component.is_adapted:
            continue
        if records is None:
            raise ValueError(
                f"{key!r} ({type(component).__name__}) has to learn from training records before the model can be built and "
                "trained. Received no adapt_to. Pass adapt_to=train, call its adapt, or give what it lacks by hand "
                "(vocabulary=[...], labels=[...])."
            )
        if iter(records) is records:
            raise TypeError(
                "adapt_to is read once for each component that learns from it. Received an iterator, which can be read "
                "only once. Pass a list or multimodal_keras.data.Records."
            )
        try:
            component.adapt(_values(key, component, records, skips=skips))
        except ValueError as error:
            raise ValueError(f"{key!r} cannot adapt: {error}") from error


def _values(key: str, component: Any, records: Iterable[Mapping[str, Any]], *, skips: bool) -> Iterator[Any]:
    folder = getattr(records, "folder", None)
    columns = component.columns if isinstance(component, Modality) else ()
    lacking = set(columns)
    count = 0
    for origin, record in _rows(records, skips=skips):
        lacking -= lacking if key in record else record.keys()
        if not record.keys() & {key, *columns}:
            raise ValueError(
                f"Every record has a field for each modality and task. Received the fields {', '.join(map(str, record))}. "
                f"Name the modality or task as its field, or add the column {key!r}."
            )
        value = pick(record, key, columns)
        try:
            value = component.read(value, folder) if isinstance(component, Modality) else value
        except ValueError as error:
            if skips:
                continue
            raise DataError(str(error), origin) from error
        count += 1
        yield value
    if not count:
        readable = " that can be read" if skips else ""
        raise ValueError(
            f"There are records to learn from. Received none{readable}. Check the filter, the split and the file."
        )
    if lacking:
        raise ValueError(
            f"Every column is in some record. Received none with {', '.join(sorted(map(repr, lacking)))}. Correct the name, "
            "or leave the column out."
        )


def _rows(records: Iterable[Mapping[str, Any]], *, skips: bool) -> Iterator[tuple[Origin | None, Mapping[str, Any]]]:
    """Each record with its origin, where `Records` tell one."""
    attempts = records.attempts() if hasattr(records, "attempts") else ((None, record) for record in records)
    for origin, record in attempts:
        if not isinstance(record, DataError):
            yield origin, record
        elif not skips:
            raise record


def _inputs(modalities: Mapping[str, Modality], rate: float, seed: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model's inputs, and for each field the `bool (batch,)` that the graph goes by (None: never absent)."""
    inputs = {}
    for field, modality in modalities.items():
        spec = modality.tensor_spec()
        inputs[field] = keras.Input(tuple(spec.shape), dtype=spec.dtype.name, name=field)
    optional = [field for field, modality in modalities.items() if modality.optional]
    present = {field: keras.Input((), dtype="bool", name=presence_name(field)) for field in optional}
    seen = dict.fromkeys(modalities)
    if optional:
        keep_one = len(optional) == len(modalities)
        seen |= ModalityDropout(rate, keep_one=keep_one, seed=seed, name=MODALITY_DROPOUT)(present)
    return inputs | {presence_name(field): present[field] for field in optional}, seen


def _branch(tensor: Any, modality: Modality, encoder: Encoder, seen: Any, missing: str | None) -> tuple[Any, Any]:
    """One modality's way from its input to tokens and their step mask."""
    field = modality.name.removesuffix(layer_name("", Modality))
    if seen is not None:
        tensor = AbsentZeros(name=f"{field}_absent_zeros")(tensor, seen)
    features, mask = split_steps(modality(tensor))
    try:
        encoder.configure(modality.feature_spec())
        tokens, mask = split_steps(encoder(features, mask))
    except ValueError as error:
        raise ValueError(f"{type(encoder).__name__} cannot encode {field!r}: {error}") from error
    if seen is not None and missing is not None:
        tokens, mask = Missing(missing, name=f"{field}_missing")(tokens, seen, mask)
    return tokens, mask
