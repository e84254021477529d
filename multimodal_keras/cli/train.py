"""`multimodal-keras train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from multimodal_keras.cli.fields import named_fields
from multimodal_keras.spec import make_spec, read_spec
from multimodal_keras.training import fit, model_of, parts_of

_TRAINING = ("epochs", "batch_size", "learning_rate", "patience", "seed", "cache", "on_error", "balance")


def run(options: argparse.Namespace) -> None:
    """Train as the file and the flags say, and leave a run folder."""
    spec = make_spec(override(read_spec(options.spec) if options.spec else {}, options))
    train, valid, _ = parts_of(spec)
    model = model_of(spec, train)
    output = Path(spec.output)
    output.mkdir(parents=True, exist_ok=True)
    result = fit(model, train, valid, output=output, resume=not options.restart, options=spec.training)
    (output / "run.yaml").write_text(
        yaml.safe_dump(spec.to_dict(), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    print(f"{result}\n{output}")


def override(content: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """The content of a run file, with what the flags say in its place."""
    content = dict(content)
    for name in ("data", "valid", "fusion", "output", "precision"):
        if getattr(options, name) is not None:
            content[name] = getattr(options, name)
    content |= named_fields(options)
    if options.plugin:
        content["plugins"] = options.plugin
    training = {name: getattr(options, name) for name in _TRAINING if getattr(options, name) is not None}
    if options.scheme:
        training["schemes"] = options.scheme
    if training.get("cache") == "none":
        training["cache"] = None
    if training:
        content["training"] = {**(content.get("training") or {}), **training}
    return {**content, **_split(content, options)}


def _split(content: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    if options.split is None and options.split_by is None and options.group is None:
        return {}
    try:
        fractions = [float(part) for part in (options.split or "").split(",") if part]
    except ValueError:
        return {"split": options.split}
    before = content.get("split") if isinstance(content.get("split"), dict) else {}
    chosen = {"fractions": fractions or None, "by": options.split_by, "group": options.group}
    return {"split": {**(before or {}), **{name: value for name, value in chosen.items() if value is not None}}}
