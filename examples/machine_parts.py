"""Point clouds: what is a game's 3-D model a model of, by points on its surface, and by its size too?

The data are the models of Warzone 2100 (Debian's warzone2100-data, GPL-2+: fetched, not kept here): bodies, wheels and
tracks ("propulsion") and weapons of tanks, buildings, and what stands in the landscape, such as trees, rocks and cars. They
are drawn, not scanned. Variants of one model (damaged, left and right, first and second) are never in two parts; light and
heavy wheels count as two models. All classifiers in the first table see clouds that are centred and of one size. The options
are the first that were tried, the baselines' too; the validation records chose the best epoch.

    python examples/machine_parts.py
"""

from __future__ import annotations

import re
import zipfile
from itertools import pairwise
from pathlib import Path

import common
import fetch
import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

import multimodal_keras as mk

KINDS = {
    "structs": "building",
    "features": "landscape",
    "components/weapons": "weapon",
    "components/bodies": "body",
    "components/prop": "propulsion",
}
POINTS, LEAST_TRIANGLES = 512, 8


def triangles(text: str) -> np.ndarray:
    """The corners of the triangles in a PIE file, `float (triangles, 3, 3)`, all levels together."""
    found, corners, lines = [], [], iter(text.splitlines())
    for line in lines:
        word, *rest = line.split() or [""]
        if word == "POINTS":
            corners = [[float(number) for number in next(lines).split()[:3]] for _ in range(int(rest[0]))]
        elif word == "POLYGONS":
            for _ in range(int(rest[0])):
                _, count, *places = next(lines).split()
                ids = [int(place) for place in places[: int(count)]]
                found += [[corners[ids[0]], corners[one], corners[other]] for one, other in pairwise(ids[1:])]
    return np.array(found, float).reshape(-1, 3, 3)


def surface(corners: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Points on triangles, as many on each as its area asks for, with the direction it faces: `float32 (count, 6)`."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    chosen = random.choice(len(corners), count, p=areas / areas.sum())
    one, other = random.random((2, count, 1))
    one, other = np.where(one + other > 1, 1 - one, one), np.where(one + other > 1, 1 - other, other)
    first, second, third = corners[chosen].transpose(1, 0, 2)
    points = first + one * (second - first) + other * (third - first)
    return np.concatenate([points, normals[chosen] / areas[chosen, None]], axis=1).astype(np.float32)


def stem(name: str) -> str:
    """What variants of a model share of their names."""
    name = re.sub(r"(_.*|smash)$", "", re.sub(r"\d+", "", name))
    return re.sub(r"^(pr[hlm])[lr](?=[a-z]{2,})", r"\1", name)


def read_models(folder: Path) -> list[dict]:
    """`cloud`, `size` (its extent along x, y and z), `kind` and `stem` of each model, each shape once."""
    random, models, seen = np.random.default_rng(0), [], set()
    for name in ("base", "mp"):
        with zipfile.ZipFile(folder / f"{name}.wz") as files:
            for path in map(Path, sorted(files.namelist())):
                if path.suffix.lower() != ".pie" or str(path.parent) not in KINDS:
                    continue
                corners = triangles(files.read(str(path)).decode("latin-1"))
                areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
                corners = corners[areas > 0]
                if len(corners) < LEAST_TRIANGLES or corners.tobytes() in seen:
                    continue
                seen.add(corners.tobytes())
                size = np.ptp(corners.reshape(-1, 3), axis=0)
                record = {"cloud": surface(corners, POINTS, random), "kind": KINDS[str(path.parent)]}
                models.append({**record, "size": np.log1p(size).astype(np.float32), "stem": stem(path.stem)})
    return models


def shapes(records: mk.data.Records) -> tuple[np.ndarray, np.ndarray]:
    """Of each cloud, scaled to the unit sphere: how full the cells of a grid are; and numbers about its shape."""
    grids, rows = [], []
    for cloud in records.values("cloud"):
        places = cloud[:, :3] - (cloud[:, :3].min(axis=0) + cloud[:, :3].max(axis=0)) / 2
        places = places / np.linalg.norm(places, axis=1).max()
        grid, _ = np.histogramdd(places, bins=6, range=[(-1, 1)] * 3)
        grids.append(np.sqrt(grid.ravel()))
        pairs = np.linalg.norm(places - np.roll(places, 97, axis=0), axis=1)
        distances = [np.histogram(pairs, 12, (0, 2))[0], np.histogram(np.linalg.norm(places, axis=1), 8, (0, 1))[0]]
        moments = [places.mean(axis=0), np.ptp(places, axis=0), np.linalg.eigvalsh(np.cov(places.T))]
        rows.append(np.concatenate([*distances, *moments, np.abs(cloud[:, 3:]).mean(axis=0)]))
    return np.array(grids), np.array(rows)


def baselines(train: mk.data.Records, test: mk.data.Records, size: bool) -> dict[str, list[str]]:
    """What two classifiers answer."""
    known, asked = [list(part) for part in shapes(train)], [list(part) for part in shapes(test)]
    if size:
        for part, records in ((known, train), (asked, test)):
            part[1] = np.concatenate([part[1], np.stack(list(records.values("size")))], axis=1)
    labels = list(train.values("kind"))
    vectors = make_pipeline(PCA(60, random_state=0), SVC(C=10)).fit(known[0], labels)
    forest = RandomForestClassifier(500, random_state=0).fit(known[1], labels)
    more = " and size" if size else ""
    return {
        "support vectors on a grid of 6 x 6 x 6 cells": list(vectors.predict(asked[0])),
        f"random forest on moments and distances{more}": list(forest.predict(asked[1])),
    }


def main() -> None:
    """Print both tables."""
    models = read_models(fetch.debian("warzone2100-data") / "usr/share/games/warzone2100")
    parts = mk.data.read(models).split(0.55, 0.15, 0.3, by="kind", group="stem")
    cloud = mk.PointCloudModality(POINTS, 3, sampling="even", augmentation={"jitter": 0.01, "scaling": 0.1})
    fields = {"cloud": cloud, "size": mk.EmbeddingModality(normalization="standard")}
    encoders = {"cloud": mk.PointNetEncoder([64, 128, 256], dropout=0.3), "size": mk.MLPEncoder([16], dropout=0.0)}
    for title, names in (("Shape", ["cloud"]), ("Shape and size", ["cloud", "size"])):
        common.seed()
        model = mk.build_model(
            {name: fields[name] for name in names},
            {"kind": mk.ClassificationHead()},
            encoders={name: encoders[name] for name in names},
            adapt_to=parts[0],
        )
        options = {"epochs": 40, "patience": 40, "batch_size": 16, "learning_rate": 2e-3, "schedule": "cosine"}
        answers = baselines(parts[0], parts[2], size="size" in names)
        common.show(title, model, parts, "kind", answers, cache="memory", **options)


if __name__ == "__main__":
    main()
