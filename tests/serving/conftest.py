"""One tiny exported model, served in every way."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from debian import installed
from page_browser import Page

import multimodal_keras as mk
from multimodal_keras.runtime.artefacts import SavedModelArtefact


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, clipart: mk.data.Records) -> Path:
    """Version 3 of `drawings`: a title that may be missing, and a picture that may not."""
    model = mk.build_model(
        {"title": mk.TextModality(sequence_length=4, optional=True), "image": mk.ImageModality(size=(16, 16))},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": "LSTMEncoder", "image": mk.Conv2DEncoder()},
        adapt_to=clipart,
    )
    folder = tmp_path_factory.mktemp("exported") / "drawings" / "3"
    return mk.export(model, folder, sample=clipart, sample_size=4).folder


@pytest.fixture(scope="session")
def saved(exported: Path) -> SavedModelArtefact:
    """The SavedModel itself: what the server must agree with."""
    return SavedModelArtefact(exported)


@pytest.fixture(scope="session")
def pictures(clipart: mk.data.Records) -> list[bytes]:
    """Eight files of real drawings."""
    return [Path(clipart.folder, record["image"]).read_bytes() for record in clipart.take(8)]


@pytest.fixture(scope="session")
def app(exported: Path) -> Any:
    """Over the SavedModel."""
    return mk.serving.create_app(exported, max_body_bytes=2_000_000, max_records=16)


@pytest.fixture
def client(app: Any) -> Any:
    """Of the application."""
    return app.test_client()


@pytest.fixture(scope="session")
def lite(exported: Path) -> Any:
    """A client of the application over the TFLite file."""
    return mk.serving.create_app(exported / "model.tflite").test_client()


@pytest.fixture(scope="session")
def browser() -> Any:
    """One for all tests of the page, which are of the group "page"."""
    page = Page()
    yield page
    page.driver.quit()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, which knows the rules of accessible pages."""
    folder = tmp_path_factory.mktemp("axe")
    shutil.copy(Path(__file__).parent / "page" / "package.json", folder)
    npm = [installed("npm", "npm"), "install", "--no-package-lock", "--no-audit", "--no-fund"]
    subprocess.run(npm, cwd=folder, check=True, capture_output=True, timeout=300)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
