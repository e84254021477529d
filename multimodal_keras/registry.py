"""Look components up by class name: a thin face over Keras's own registry of serializable objects."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

import keras

PACKAGE = "multimodal_keras"

# What Keras writes beside these two is not needed, and not refused.
_KEYS = {"class_name", "config", "module", "registered_name", "build_config", "compile_config", "shared_object_id"}

Component = TypeVar("Component")


def register(cls: type[Component]) -> type[Component]:
    """Register a component class under its own name, so that `get`, YAML, the CLI and `.keras` files find it.

    Args:
        cls: a Keras-serializable class (`get_config`/`from_config`), usually a subclass of `Modality`, `Encoder`,
            `Fusion` or `Head`.

    Returns:
        The same class, so that this works as a decorator.

    Raises:
        ValueError: if another class is registered under that name. Defining the same class again in a notebook
            (same module, same qualified name) replaces the first one.

    Example:

    >>> import multimodal_keras as mk
    >>> @mk.register
    ... class LastStepFusion(mk.Fusion):
    ...     pass
    >>> mk.get("LastStepFusion", mk.Fusion).__class__.__name__
    'LastStepFusion'
    """
    taken = keras.saving.get_custom_objects().get(f"{PACKAGE}>{cls.__name__}")
    if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(
            f"A component's class name is taken only once. Received {cls.__module__}.{cls.__qualname__}, but "
            f"{taken.__module__}.{taken.__qualname__} has the name {cls.__name__!r} already. Rename one of the two."
        )
    return keras.saving.register_keras_serializable(package=PACKAGE)(cls)


def known(base: type) -> list[str]:
    """The names of all registered classes of one kind, sorted.

    Args:
        base: `Modality`, `Encoder`, `Fusion`, `Head`, or any class.

    Returns:
        Class names that `get(name, base)` accepts.
    """
    return sorted(_classes(base))


def get(identifier: Any, base: type[Component], **arguments: Any) -> Component:
    """Turn what a user wrote into a component.

    Args:
        identifier: an instance of `base` (returned as it is), a class name (`"GatedFusion"`), or Keras's config dict
            (`{"class_name": "GatedFusion", "config": {"width": 64}}`).
        base: the kind that is wanted.
        **arguments: constructor arguments for a class name or config that does not set them; an instance has its own.

    Returns:
        An instance of `base`.

    Raises:
        ValueError: for an unknown name; the message lists the known ones. For a config that the class cannot be made of.
        TypeError: for an instance of another kind or an identifier of another type.
    """
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, str):
        return _class(identifier, base)(**arguments)
    if isinstance(identifier, dict) and isinstance(identifier.get("class_name"), str):
        cls = _class(identifier["class_name"].rpartition(">")[2], base)
        return _made(cls, identifier, arguments)
    raise TypeError(
        f"A {base.__name__} is an instance, a class name or a config dict with 'class_name'. "
        f"Received {identifier!r} of type {type(identifier).__name__}. Known names: {', '.join(known(base))}."
    )


def _made(cls: type, identifier: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """A component of its config dict; errors speak of the config, and not of Keras's way to read one."""
    config = identifier.get("config") or {}
    strangers = sorted(str(key) for key in set(identifier) - _KEYS)
    if strangers or not isinstance(config, Mapping):
        raise ValueError(
            f"A config dict has a 'class_name' and a 'config' of arguments. Received {dict(identifier)!r}. Write "
            f"{{'class_name': {cls.__name__!r}, 'config': {{...}}}}."
        )
    try:
        return cls.from_config({**arguments, **config})  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        reason = error.__context__ or error  # Keras hides the component's own error behind one of its own
        if "Received" in str(reason):
            raise ValueError(f"{cls.__name__}: {reason}") from error
        known = [name for name in inspect.signature(cls).parameters if name != "kwargs"]
        raise ValueError(
            f"{cls.__name__} takes {', '.join(known) or 'no arguments of its own'}. Received the config {dict(config)!r}: "
            f"{reason}. Correct it."
        ) from error


def _classes(base: type) -> dict[str, type]:
    return {
        cls.__name__: cls
        for name, cls in keras.saving.get_custom_objects().items()
        if name.startswith(f"{PACKAGE}>") and isinstance(cls, type) and issubclass(cls, base)
    }


def _class(name: str, base: type) -> type:
    classes = _classes(base)
    if name not in classes:
        raise ValueError(
            f"A {base.__name__} is named by its class. Received {name!r}. Known names: {', '.join(sorted(classes))}. "
            "If it is your own class, decorate it with @multimodal_keras.register and import its module first."
        )
    return classes[name]
