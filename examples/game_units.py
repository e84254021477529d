"""Units of a game: what is each good for, by its numbers, its description and its picture? Whole races are held out.

The data are those of Battle for Wesnoth (GPL-2+), fetched from Debian and not kept here. The task is the role that the
game's own authors gave to each unit. Units of one race look and read alike, so no race is in two parts.

    python examples/game_units.py
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
import fetch
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import multimodal_keras as mk

NUMBERS = ["hitpoints", "movement", "cost", "level", "experience", "melee", "ranged", "attacks"]
CATEGORIES = ["alignment", "movement_type"]
LEAST_UNITS = 10


def value(text: str, key: str) -> str | None:
    """The first value of a key, without quotes and the mark of translation."""
    found = re.search(rf'^\s*{key}\s*=\s*_?\s*(?:"((?:[^"]|"")*)"|([^"\n#]+))', text, re.M)
    return None if found is None else (found[1] if found[1] is not None else found[2]).strip()


def unit(text: str, race: str, images: Path) -> dict[str, Any]:
    """The record of one unit type."""
    attacks = re.findall(r"^\s*\[attack\]\n(.*?)^\s*\[/attack\]", text, re.M | re.S)
    record: dict[str, Any] = {key: value(text, key) for key in (*NUMBERS[:5], *CATEGORIES, "description", "usage")}
    for reach in ("melee", "ranged"):
        blows = [
            int(value(attack, "damage") or 0) * int(value(attack, "number") or 0)
            for attack in attacks
            if value(attack, "range") == reach
        ]
        record[reach] = max(blows, default=None)
    # Some pictures are put together by macros, and are taken for missing.
    name = re.fullmatch(r"(units/[a-z0-9_/.-]+\.png).*", value(text, "image") or "")
    image = str(images / name[1]) if name and (images / name[1]).is_file() else None
    return {**record, "attacks": len(attacks), "race": race, "image": image}


def read_units(data: Path) -> list[dict[str, Any]]:
    """All unit types of the game's core whose role at least ten have."""
    units = []
    for path in sorted((data / "core/units").rglob("*.cfg")):
        text = path.read_text(encoding="utf-8")
        # What comes after the first variation or animation is about pictures.
        text = re.split(r"^\s*\[(?:female|male|variation|attack_anim)\]", text, flags=re.M)[0]
        if "[unit_type]" in text and path.parent.name != "fake":
            units.append(unit(text, path.parent.name, data / "core/images"))
    roles = Counter(record["usage"] for record in units)
    return [record for record in units if record["usage"] and roles[record["usage"]] >= LEAST_UNITS]


def cells(records: Sequence[dict[str, Any]]) -> np.ndarray:
    """The table for scikit-learn."""
    rows = [
        [float(record[key]) if record[key] is not None else np.nan for key in NUMBERS]
        + [record[key] or "" for key in CATEGORIES]
        for record in records
    ]
    return np.array(rows, object)


def baselines(learn: list[dict[str, Any]], test: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What scikit-learn answers from the table, and from the descriptions."""
    labels = [record["usage"] for record in learn]
    count = len(NUMBERS)
    numbers, categories = list(range(count)), list(range(count, count + len(CATEGORIES)))
    scaled = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), categories),
        sparse_threshold=0,
    )
    as_floats = make_column_transformer(("passthrough", numbers))
    models: dict[str, Any] = {
        "logistic regression on the table": make_pipeline(scaled, LogisticRegression(max_iter=3000)),
        "gradient boosting on the numbers": make_pipeline(as_floats, HistGradientBoostingClassifier(random_state=0)),
    }
    found = {name: list(model.fit(cells(learn), labels).predict(cells(test))) for name, model in models.items()}
    words = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10, max_iter=3000))
    texts = [[record["description"] or "" for record in part] for part in (learn, test)]
    return found | {"logistic regression on the words": list(words.fit(texts[0], labels).predict(texts[1]))}


def main() -> None:
    """Print the tables."""
    units = read_units(fetch.debian("wesnoth-1.16-data") / "usr/share/games/wesnoth/1.16/data")
    print(f"{len(units)} units; roles: {dict(Counter(record['usage'] for record in units))}")
    train, valid, test = mk.data.read(units).split(0.6, 0.2, 0.2, by="usage", group="race")
    answers = baselines([*train, *valid], list(test))
    kinds = {**dict.fromkeys(NUMBERS, "number"), **dict.fromkeys(CATEGORIES, "category")}
    fields = {
        "table": mk.TabularModality(kinds, cell_dropout=0.1, optional=True),
        "description": mk.TextModality(96, unit="subword", vocabulary_size=4000, optional=True),
        "image": mk.ImageModality((72, 72), resize="pad", augmentation=["RandomFlip"], optional=True),
    }
    encoders = {
        "table": mk.MLPEncoder([64, 64], dropout=0.3),
        "description": mk.EmbeddingEncoder(embedding_width=32, token_dropout=0.3),
        "image": mk.Conv2DEncoder([16, 32, 64], dropout=0.3),
    }
    # Few records make few steps: the default warm-up would last for a sixth of them.
    options = {"epochs": 60, "patience": 60, "batch_size": 16, "learning_rate": 5e-3, "warmup_steps": 20}
    for names in (["table"], ["description"], ["table", "description", "image"]):
        common.seed()
        model = mk.build_model(
            {name: fields[name] for name in names},
            {"usage": mk.ClassificationHead()},
            encoders={name: encoders[name] for name in names},
            adapt_to=train,
        )
        common.show(" + ".join(names), model, (train, valid, test), "usage", answers, weight_decay=0.1, **options)


if __name__ == "__main__":
    main()
