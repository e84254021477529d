"""Two bundles, and a server for each of them: our own loader, which answers TF Serving's REST paths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bundle_serving import Served, serving

import multimodal_keras as mk
from multimodal_keras.runtime.artefacts import SavedModelArtefact


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, clipart: mk.data.Records) -> Path:
    """`drawings`: version 3 has two tasks and a title that may be missing, version 10 one task and both may be missing."""
    folder = tmp_path_factory.mktemp("exported") / "drawings"
    for version, optional, heads in (
        (3, False, {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()}),
        (10, True, {"subject": mk.ClassificationHead()}),
    ):
        model = mk.build_model(
            {
                "title": mk.TextModality(sequence_length=4, optional=True),
                "image": mk.ImageModality(size=(16, 16), optional=optional),
            },
            heads,
            encoders={"title": "LSTMEncoder", "image": mk.Conv2DEncoder()},
            adapt_to=clipart,
        )
        mk.export(model, folder / str(version), sample=clipart, sample_size=4, tflite=False)
    return folder


@pytest.fixture(scope="session")
def drawings(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of both versions, with made-up records."""
    return mk.bundle(exported, tmp_path_factory.mktemp("bundle") / "drawings").folder


@pytest.fixture(scope="session")
def pictures(exported: Path, clipart: mk.data.Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of version 3 alone, under another name, with real records and batching."""
    folder = tmp_path_factory.mktemp("bundle") / "pictures"
    name = "My_pictures.v2"
    return mk.bundle(exported / "3", folder, records=clipart, name=name, batching=True, warm_up=5).folder


@pytest.fixture(scope="session")
def drawings_served(drawings: Path) -> Iterator[Served]:
    with serving(drawings / "models" / "drawings" / "10") as url:
        yield Served(drawings, SavedModelArtefact(drawings / "models" / "drawings" / "10"), url)


@pytest.fixture(scope="session")
def pictures_served(pictures: Path) -> Iterator[Served]:
    with serving(pictures / "models" / "My_pictures.v2" / "3") as url:
        yield Served(pictures, SavedModelArtefact(pictures / "models" / "My_pictures.v2" / "3"), url)


@pytest.fixture(params=["drawings_served", "pictures_served"])
def served(request: pytest.FixtureRequest) -> Served:
    """Each of them."""
    return request.getfixturevalue(request.param)
