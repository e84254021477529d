"""Tables: tumours (30 numbers of each) and wines (13), with three of ten cells taken away, from training and test records.

The data are the UCI sets in scikit-learn's own package (CC BY 4.0). A fifth of the records is tested on; another one chooses
the best epoch. The baselines see the training and the choosing records.

    python examples/tables.py
"""

from __future__ import annotations

from typing import Any

import common
import numpy as np
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import multimodal_keras as mk

MISSING = 0.3


def table(load: Any) -> tuple[list[str], mk.data.Records]:
    """The names of the columns, and the records: column to cell (None where it was taken away), and `label`."""
    data = load()
    names = [str(name) for name in data.feature_names]
    gone = np.random.default_rng(0).random(data.data.shape) < MISSING
    cells = np.where(gone, None, data.data)
    labels = [str(data.target_names[target]) for target in data.target]
    records = [{**dict(zip(names, row, strict=True)), "label": label} for row, label in zip(cells, labels, strict=True)]
    return names, mk.data.read(records)


def numbers(names: list[str], records: mk.data.Records) -> np.ndarray:
    """The same cells for scikit-learn, NaN where they are missing."""
    return np.array([[record[name] for name in names] for record in records], float)


def baselines(names: list[str], learn: mk.data.Records, test: mk.data.Records) -> dict[str, list[str]]:
    """What scikit-learn answers."""
    regression = make_pipeline(
        SimpleImputer(add_indicator=True), StandardScaler(), LogisticRegression(max_iter=2000, C=0.3)
    )
    models = {
        "logistic regression, with indicators": regression,
        "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    }
    labels = list(learn.values("label"))
    return {
        name: list(model.fit(numbers(names, learn), labels).predict(numbers(names, test)))
        for name, model in models.items()
    }


def run(title: str, load: Any, encoder: mk.Encoder) -> None:
    """One table of figures."""
    common.seed()
    names, records = table(load)
    train, valid, test = records.split(0.6, 0.2, 0.2, by="label", seed=1)
    model = mk.build_model(
        {"table": mk.TabularModality(names, cell_dropout=0.2)},
        {"label": mk.ClassificationHead()},
        encoders={"table": encoder},
        adapt_to=train,
    )
    answers = baselines(names, train + valid, test)
    # Few records make few steps: the default warm-up would last for half of them.
    options = {"epochs": 60, "patience": 30, "batch_size": 16, "learning_rate": 3e-3, "warmup_steps": 20}
    common.show(title, model, (train, valid, test), "label", answers, weight_decay=1e-2, **options)


def main() -> None:
    """Print the tables."""
    for title, load in (("tumours", datasets.load_breast_cancer), ("wines", datasets.load_wine)):
        run(f"{title}, MLP", load, mk.MLPEncoder([64, 64], dropout=0.3))
        run(f"{title}, feature tokens", load, mk.FeatureTokenEncoder(32, layers=2, attention_heads=4, dropout=0.2))


if __name__ == "__main__":
    main()
