"""Warm-up records, read by TF Serving's own messages; and the SavedModel where this package is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import multimodal_keras as mk

ROOT = Path(__file__).parents[2]
WITHOUT_US = f"""
import importlib.util, sys
sys.path = [path for path in sys.path if path not in ("", {str(ROOT)!r})]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__name__", "").lower()]
assert importlib.util.find_spec("multimodal_keras") is None
from tensorflow.python.tools.saved_model_cli import main
main()
"""


def requests(version: Path) -> list[Any]:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    path = version / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]
    assert {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    return [log.predict_log.request for log in logs]


def test_each_record_is_answered_by_its_signature(drawings: Path, pictures: Path) -> None:
    import tensorflow as tf

    for version, name, count in (
        (drawings / "models/drawings/3", "drawings", 16),
        (drawings / "models/drawings/10", "drawings", 16),
        (pictures / "models/My_pictures.v2/3", "My_pictures.v2", 5),
    ):
        loaded, found = tf.saved_model.load(str(version)), requests(version)
        signatures = [request.model_spec.signature_name for request in found]
        assert signatures == ["serving_default"] * count + ["embed", "explain", "tensors"]
        for request in found:
            assert request.model_spec.name == name
            signature = loaded.signatures[request.model_spec.signature_name]
            tensors = {key: tf.constant(tf.make_ndarray(tensor)) for key, tensor in request.inputs.items()}
            specs = signature.structured_input_signature[1]
            assert {key: (tensor.dtype, 1) for key, tensor in tensors.items()} == {
                key: (spec.dtype, 1) for key, spec in specs.items()
            }
            for output in signature(**tensors).values():
                assert np.isfinite(output.numpy()).all()


def test_real_records_are_warmed_up_with(pictures: Path, clipart: mk.data.Records) -> None:
    import tensorflow as tf

    for request, record in zip(requests(pictures / "models/My_pictures.v2/3"), clipart.take(5), strict=False):
        sent = {field: tf.make_ndarray(tensor).item() for field, tensor in request.inputs.items()}
        picture = Path(clipart.folder, record["image"]).read_bytes()
        assert sent == {"title": record["title"].encode(), "image": picture}


def test_made_records_use_the_vocabulary_and_leave_out_what_may_be_missing(drawings: Path) -> None:
    import tensorflow as tf

    version = drawings / "models/drawings/3"
    contract = json.loads((version / "contract.json").read_text(encoding="utf-8"))
    made = [
        {field: tf.make_ndarray(tensor).item() for field, tensor in request.inputs.items()}
        for request in requests(version)[:16]
    ]
    assert len({record["image"] for record in made}) == 16
    assert set(made[0]["title"].decode().split()) <= set(contract["modalities"]["title"]["vocabulary"])
    assert [bool(record["title"]) for record in made] == [True] * 15 + [False]


def test_saved_model_cli_runs_it_where_this_package_is_not(pictures: Path, tmp_path: Path) -> None:
    from multimodal_keras.runtime.artefacts import SavedModelArtefact

    version, request = pictures / "models/My_pictures.v2/3", requests(pictures / "models/My_pictures.v2/3")[0]
    import tensorflow as tf

    raw = {field: [tf.make_ndarray(tensor).item()] for field, tensor in request.inputs.items()}
    np.savez(tmp_path / "inputs.npz", **{field: np.array(values) for field, values in raw.items()})
    inputs = ";".join(f"{field}={tmp_path / 'inputs.npz'}[{field}]" for field in raw)
    command = ["run", "--dir", str(version), "--tag_set", "serve", "--signature_def", "serving_default"]
    subprocess.run(
        [sys.executable, "-c", WITHOUT_US, *command, "--inputs", inputs, "--outdir", str(tmp_path)],
        check=True,
        capture_output=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    for task, wanted in SavedModelArtefact(version).outputs(raw).items():
        np.testing.assert_allclose(np.load(tmp_path / f"{task}.npy"), wanted, atol=1e-6)
