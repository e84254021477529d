"""The signature `explain` of a TFLite file: beside the first one, over the same weights, and right at every call."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from plain_components import PlainEncoder

import multimodal_keras as mk
from multimodal_keras.base.contributions import contributions_model
from multimodal_keras.exporting import TFLiteOptions
from multimodal_keras.exporting.device_files import write_device_files
from multimodal_keras.runtime.artefacts import load
from multimodal_keras.runtime.inside import operators

STEPS = 5


@pytest.fixture(scope="module")
def model():
    """A recurrence, and a field that may be missing."""
    keras.utils.set_random_seed(4)
    words = [f"w{number}" for number in range(30)]
    return mk.build_model(
        {
            "title": mk.TextModality(STEPS, vocabulary=words),
            "note": mk.TextModality(STEPS, vocabulary=words, optional=True),
        },
        {"subject": mk.ClassificationHead(labels=["a", "b", "c"])},
        encoders={"title": mk.LSTMEncoder(24, embedding_width=32), "note": PlainEncoder()},
        fusion=mk.GatedFusion(16),
    )


@pytest.fixture(scope="module")
def tensors():
    random = np.random.default_rng(5)
    ids = {field: random.integers(2, 32, (6, STEPS), "int32") for field in ("title", "note")}
    ids["title"][1:4, 2:] = 0
    return ids | {"note_present": np.array([True, True, False, True, False, True])}


def test_a_second_signature_of_built_in_ops(model, tensors, tmp_path):
    (tmp_path / "plain").mkdir()
    [plain] = write_device_files(model, tmp_path / "plain", TFLiteOptions(), None)
    [file] = write_device_files(model, tmp_path, TFLiteOptions(explain=True), None)
    path = tmp_path / file.name
    assert {*Interpreter(str(path)).get_signature_list()} == {"explain", "serving_default"}
    signatures = schema.ModelT.InitFromPackedBuf(path.read_bytes()).signatureDefs
    assert {found.signatureKey: found.subgraphIndex for found in signatures} == {b"serving_default": 0, b"explain": 1}
    assert not [name for name in operators(path) if name.startswith("Flex")]
    assert path.stat().st_size < 1.7 * (tmp_path / "plain" / plain.name).stat().st_size + 20_000

    wanted = {name: value.numpy() for name, value in contributions_model(model)(tensors, training=False).items()}
    artefact = load(path)
    for _ in range(2):
        found = artefact.call(tensors, explain=True)
        assert found.keys() == wanted.keys() == file.facts["explain"]["outputs"].keys()
        for name, value in found.items():
            assert [1, *value.shape[1:]] == file.facts["explain"]["outputs"][name]["shape"]
            np.testing.assert_allclose(value, wanted[name], atol=2e-6)
        np.testing.assert_allclose(artefact.call(tensors)["subject"], wanted["subject"], atol=2e-6)
    assert not found["subject_contributions"][~tensors["note_present"], 0].any()


def test_int8_and_fused_recurrences_have_no_such_signature():
    with pytest.raises(ValueError, match=r"explain is for files of float32, float16 and dynamic. Received .*'int8'"):
        TFLiteOptions(quantize=("float32", "int8"), explain=True)
    with pytest.raises(ValueError, match=r"explain is for lstm='loop'. Received it with lstm='fused'"):
        TFLiteOptions(lstm="fused", explain=True)
