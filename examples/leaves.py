"""Shapes as series: which of six trees is a leaf from, by the distance of its outline from its middle, 427 steps round it.

The data are the UCR set OSULeaf (200 and 242 leaves) in the wheel of aeon (BSD-3). Its own test records are tested on; a
quarter of the training records chooses the best epoch. What tells a tree are teeth and lobes wherever they are, which
convolutions find; summaries of all steps forget them, and a nearest neighbour wants them in the same place.

Of two networks (with and without augmentation) the one that did better on the records to choose on is here; the test
records were looked at once, at the end.

    python examples/leaves.py
"""

from __future__ import annotations

import common
import fetch
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from time_series import read_ts, summaries

import multimodal_keras as mk

STEPS = 427


def baselines(learn: list[dict], test: list[dict]) -> dict[str, list[str]]:
    """Classifiers on the values of all steps, and on summaries of them; they learn from the choosing records too."""
    labels = [record["label"] for record in learn]
    steps = [np.stack([record["series"][:, 0] for record in part]) for part in (learn, test)]
    known = [summaries(part) for part in (learn, test)]
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000))
    return {
        "logistic regression on the values": list(regression.fit(steps[0], labels).predict(steps[1])),
        "logistic regression on summaries": list(regression.fit(known[0], labels).predict(known[1])),
        "nearest neighbour": list(KNeighborsClassifier(1).fit(steps[0], labels).predict(steps[1])),
    }


def main() -> None:
    """Print the table."""
    data = fetch.pypi("aeon==1.3.0") / "aeon/datasets/data/OSULeaf"
    learn, test = (read_ts(data / f"OSULeaf_{part}.ts") for part in ("TRAIN", "TEST"))
    train, valid = mk.data.read(learn).split(0.75, 0.25, by="label", seed=7)
    common.seed()
    model = mk.build_model(
        {"series": mk.TimeSeriesModality(STEPS)},
        {"label": mk.ClassificationHead()},
        encoders={"series": mk.TCNEncoder(32, kernel_size=7, layers=5)},
        adapt_to=train,
    )
    parts = (train, valid, mk.data.read(test))
    options = {"epochs": 60, "patience": 60, "batch_size": 16, "learning_rate": 2e-3}
    common.show("Leaves, TCN", model, parts, "label", baselines(learn, test), **options)


if __name__ == "__main__":
    main()
