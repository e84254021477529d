"""Time series: who speaks (12 cepstral channels, 7 to 29 steps), and what somebody does (a watch's six channels).

The data are the UCI sets JapaneseVowels and BasicMotions, in the wheel of aeon (BSD-3). Their own test records are tested
on; a quarter of the training records chooses the best epoch. In the second table half of the numbers are taken away.

    python examples/time_series.py
"""

from __future__ import annotations

from pathlib import Path

import common
import fetch
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import multimodal_keras as mk


def read_ts(path: Path) -> list[dict]:
    """The records of a `.ts` file: channels separated by colons, the label last."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    records = []
    for text in lines[lines.index("@data") + 1 :]:
        if text:
            *channels, label = text.split(":")
            series = np.array([channel.split(",") for channel in channels], np.float32).T
            records.append({"series": series, "label": label})
    return records


def with_gaps(records: list[dict], seed: int) -> list[dict]:
    """Half of the numbers taken away, each step and channel on its own."""
    random = np.random.default_rng(seed)
    return [
        {**record, "series": np.where(random.random(record["series"].shape) < 0.5, np.nan, record["series"])}
        for record in records
    ]


def summaries(records: list[dict]) -> np.ndarray:
    """What is known of each channel without its order: mean, deviation, least, most, and mean step."""
    rows = []
    for record in records:
        series = record["series"]
        steps = np.abs(np.diff(series, axis=0))
        found = [
            np.nanmean(series, 0),
            np.nanstd(series, 0),
            np.nanmin(series, 0),
            np.nanmax(series, 0),
            np.nanmean(steps, 0),
        ]
        rows.append(np.nan_to_num(np.concatenate(found)))
    return np.array(rows)


def baseline(train: list[dict], test: list[dict]) -> list[str]:
    """The answers of a logistic regression on the summaries."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000))
    model.fit(summaries(train), [record["label"] for record in train])
    return list(model.predict(summaries(test)))


def run(title: str, learn: list[dict], test: list[dict], modality: mk.TimeSeriesModality, encoder: mk.Encoder) -> None:
    """One table."""
    common.seed()
    train, valid = mk.data.read(learn).split(0.75, 0.25, by="label")
    model = mk.build_model(
        {"series": modality}, {"label": mk.ClassificationHead()}, encoders={"series": encoder}, adapt_to=train
    )
    answers = {"logistic regression on summaries of each channel": baseline(learn, test)}
    parts = (train, valid, mk.data.read(test))
    common.show(
        title,
        model,
        parts,
        "label",
        answers,
        epochs=100,
        patience=100,
        batch_size=16,
        learning_rate=2e-3,
        schedule="cosine",
        cache="memory",
    )


def main() -> None:
    """Print the tables."""
    data = fetch.pypi("aeon==1.3.0") / "aeon/datasets/data"
    vowels, motions = (
        [read_ts(data / name / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")]
        for name in ("JapaneseVowels", "BasicMotions")
    )
    # Of GRU, TCN and Conv1D, what did best on records put aside from those to train on.
    speakers, reader = {"steps": 32, "augmentation": {"noise": 0.3}}, {"bidirectional": True, "dropout": 0.3}
    run("speakers", *vowels, mk.TimeSeriesModality(**speakers), mk.GRUEncoder(64, **reader))
    gaps = [with_gaps(records, seed) for seed, records in enumerate(vowels)]
    modality = mk.TimeSeriesModality(**speakers, missing_indicators=True)
    run("speakers, half of the numbers missing", *gaps, modality, mk.GRUEncoder(64, **reader))
    motion = mk.TimeSeriesModality(100, augmentation={"noise": 0.1, "shift": 20})
    run("motions", *motions, motion, mk.TCNEncoder(48, dropout=0.2))


if __name__ == "__main__":
    main()
