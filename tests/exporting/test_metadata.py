"""What travels inside a TFLite file: read by others' readers, and enough for ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from plain_components import PlainEncoder

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.exporting.metadata import packed
from multimodal_keras.exporting.tflite import write_tflite
from multimodal_keras.runtime.artefacts import load, read_contract
from multimodal_keras.runtime.signatures import offered_signatures

VOCABULARY = ["猫", "red", "狗", "naïve"]
LABELS = ["cats, large and small", "猫，狗", "none of\nthese"]
TITLES = ["Red 猫", "naïve 狗!", "鸟", ""]


@pytest.fixture(scope="module")
def records(clipart):
    pictures = [record["image"] for record in clipart.take(3)]
    rows = [{"title": title, "image": image} for title, image in zip(TITLES, [*pictures, ""], strict=True)]
    return mk.data.Records.of(rows, folder=clipart.folder)


@pytest.fixture(scope="module")
def model():
    return mk.build_model(
        {
            "title": mk.TextModality(4, vocabulary=VOCABULARY, optional=True),
            "image": mk.ImageModality((8, 12), optional=True),
        },
        {
            "sort": mk.ClassificationHead(labels=LABELS),
            "marks": mk.MultiLabelHead(labels=["old, worn", "新"]),
            "height": mk.RegressionHead(unit="cm", mean=3.0, deviation=2.0),
        },
        encoders={"title": PlainEncoder(), "image": PlainEncoder()},
    )


@pytest.fixture(scope="module")
def exported(model, records, tmp_path_factory):
    return mk.export(model, tmp_path_factory.mktemp("exported") / "1", sample=records).folder


@pytest.fixture(scope="module")
def alone(exported, tmp_path_factory):
    """The file in a folder of its own."""
    return Path(shutil.copy(exported / "model.tflite", tmp_path_factory.mktemp("alone")))


def test_the_file_is_a_zip_archive_of_plain_files(exported, alone):
    with zipfile.ZipFile(alone) as files:
        assert files.testzip() is None
        assert {entry.compress_type for entry in files.infolist()} == {zipfile.ZIP_STORED}
        found = {name: files.read(name).decode("utf-8") for name in files.namelist()}
    assert list(found) == ["contract.json", "marks_labels.txt", "sort_labels.txt", "title_vocabulary.txt"]
    assert found["marks_labels.txt"] == "old, worn\n新\n"
    assert found["sort_labels.txt"] == "cats, large and small\n猫，狗\nnone of these\n"
    tokens = found["title_vocabulary.txt"].split("\n")
    ids = load(alone).decode({"title": [b"red naive \xe7\x8b\x97"], "image": [b""]})["title"][0]
    assert [tokens[number] for number in ids] == ["red", "[UNK]", "狗", "[PAD]"]
    folder = json.loads((exported / "contract.json").read_text(encoding="utf-8"))
    del folder["signatures"]
    assert json.loads(found["contract.json"]) == folder


def test_the_same_arguments_give_the_same_bytes(exported, alone):
    content, contract = alone.read_bytes(), read_contract(exported)
    again = packed(content, contract)
    assert again == packed(content, contract)
    # What was packed before is replaced, not put behind.
    assert packed(again, contract) == again
    assert len(again) < len(content) + 1000
    labels = {**contract["tasks"], "sort": {"kind": "classification", "labels": ["a"]}}
    other = alone.with_name("other")
    other.write_bytes(packed(again, {**contract, "tasks": labels}))
    with zipfile.ZipFile(other) as files:
        assert files.read("sort_labels.txt") == b"a\n"
    other.unlink()


@pytest.mark.oldest
def test_the_interpreter_reads_it_by_path_and_by_content(model, exported, tmp_path):
    """To the bit what the file answers as it was converted."""
    plain, whole = tmp_path / "plain.tflite", tmp_path / "packed.tflite"
    write_tflite(model, plain)
    whole.write_bytes(packed(plain.read_bytes(), read_contract(exported)))
    assert not zipfile.is_zipfile(plain)
    inputs = {
        "title": np.array([[3, 2, 0, 0]], "int32"),
        "title_present": np.array([True]),
        "image": np.random.default_rng(3).integers(0, 256, (1, 8, 12, 3), "uint8"),
        "image_present": np.array([True]),
    }
    answers = []
    for given in ({"model_path": str(plain)}, {"model_path": str(whole)}, {"model_content": whole.read_bytes()}):
        interpreter = Interpreter(**given)
        assert list(interpreter.get_signature_list()) == ["serving_default"]
        answers.append(interpreter.get_signature_runner("serving_default")(**inputs))
    for task, expected in answers[0].items():
        assert np.isfinite(expected).all()
        assert (answers[1][task] == expected).all()
        assert (answers[2][task] == expected).all()


ALONE = """
import json, sys
import multimodal_keras as mk
sys.modules["tensorflow"] = sys.modules["keras"] = None  # importing them fails
from multimodal_keras.cli import main
path, records = sys.argv[1], json.loads(sys.argv[2])
answers = mk.predict(path, records)
client = mk.serving.create_app(path, name="alone").test_client()
served = client.post("/predict", json={"records": [{"title": record["title"]} for record in records]}).get_json()
metadata = client.get("/v1/models/alone/metadata")
assert main(["inspect", path]) == 0
print(json.dumps([answers, served, metadata.status_code]))
"""


def test_one_file_predicts_serves_and_inspects_without_tensorflow(exported, alone, records):
    rows = [{**record, "image": record["image"] and str(records.folder / record["image"])} for record in records]
    assert [path.name for path in alone.parent.iterdir()] == ["model.tflite"]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(alone), json.dumps(rows)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *inspected, last = done.stdout.splitlines()
    answers, served, status = json.loads(last)
    for given, wanted in ((answers, rows), (served["answers"], [{"title": row["title"]} for row in rows])):
        for answer, expected in zip(given, mk.predict(exported, wanted), strict=True):
            assert answer["sort"]["label"] == expected["sort"]["label"]
            assert answer["sort"]["probabilities"] == pytest.approx(expected["sort"]["probabilities"], abs=1e-5)
            assert answer["height"] == {"value": pytest.approx(expected["height"]["value"], abs=1e-4), "unit": "cm"}
    assert status == 200
    assert any("sort_labels.txt" in line and " 46 bytes" in line for line in inspected)


def test_inspect_lists_the_operators_that_the_interpreter_runs(alone, capsys):
    assert main(["inspect", str(alone)]) == 0
    told = capsys.readouterr().out
    interpreter = Interpreter(str(alone))
    interpreter.allocate_tensors()
    for operation in interpreter._get_ops_details():
        if operation["op_name"] != "DELEGATE":
            assert f"{operation['op_name']}:" in told
    assert "classification: cats, large and small, 猫，狗" in told


def test_a_file_without_a_contract_is_refused(model, tmp_path, capsys):
    write_tflite(model, tmp_path / "model.tflite")
    shutil.copy(tmp_path / "model.tflite", tmp_path / "cut.tflite")
    with pytest.raises(ValueError, match=r"contract.json.*inside the TFLite file.*not a zip file.*Export it again"):
        load(tmp_path / "model.tflite")
    for command in (["inspect"], ["serve"], ["contract", "diff", str(tmp_path / "cut.tflite")]):
        assert main([*command, str(tmp_path / "model.tflite")]) == 2
        assert "inside the TFLite file" in capsys.readouterr().err


def test_what_a_file_offers_through_the_runtime(alone):
    """Batches of any size, and floats though it answers in int8; a part of a model takes no records."""
    contract = read_contract(alone)
    contract["tflite"]["outputs"]["sort"] |= {"dtype": "int8", "quantization": {"scale": 0.1, "zero_point": 0}}
    offered = offered_signatures(contract)
    assert offered["serving_default"]["inputs"]["image"] == {"shape": [None], "dtype": "string"}
    assert offered["serving_default"]["outputs"]["sort"]["dtype"] == "float32"
    assert offered["tensors"]["inputs"]["image"] == {"shape": [None, 8, 12, 3], "dtype": "uint8", "range": [0, 255]}
    assert set(offered_signatures({**contract, "part": "fusion"})) == {"tensors"}


def test_a_part_is_not_served(alone, tmp_path):
    part = tmp_path / "fusion.tflite"
    part.write_bytes(packed(alone.read_bytes(), {**read_contract(alone), "part": "fusion"}))
    with pytest.raises(ValueError, match=r"by a whole model. Received '.*fusion.tflite', which is the part 'fusion'"):
        mk.serving.create_app(part)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """TFLite's own reader of metadata, in an environment of its own: path to what it finds."""
    if sys.version_info >= (3, 12):
        pytest.skip("tflite-support 0.4.4 has wheels up to Python 3.11")
    folder = tmp_path_factory.mktemp("reader")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    # Its other dependencies, an old protobuf among them, are for running models and not for reading.
    packages = ["tflite-support==0.4.4", "flatbuffers", "numpy", "libusb-package"]
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", *packages]
    subprocess.run(pip, check=True, capture_output=True, timeout=600)
    library = next(folder.glob("env/lib/*/site-packages/libusb_package/libusb-1.0.so"))
    (folder / "libusb-1.0.so.0").symlink_to(library)
    script = Path(__file__).with_name("metadata_reader.py")

    def read(path):
        environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
        command = [python, script, path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.mark.slow
def test_tflites_own_reader_finds_all_of_it(reader, exported, alone):
    report = reader(alone)
    metadata, files = report["metadata"], report["files"]
    assert metadata["min_parser_version"] == report["needs"] == "1.0.1"
    assert metadata["associated_files"][0]["name"] == "contract.json"
    (graph,) = metadata["subgraph_metadata"]
    interpreter = Interpreter(str(alone))
    # In the order of the tensors, whose own names begin with that of the signature.
    order = [detail["name"].split(":")[0] for detail in interpreter.get_input_details()]
    assert [f"serving_default_{entry['name']}" for entry in graph["input_tensor_metadata"]] == order
    entries = {entry["name"]: entry for side in ("input", "output") for entry in graph[f"{side}_tensor_metadata"]}
    assert set(entries) == {"title", "title_present", "image", "image_present", "sort", "marks", "height"}
    assert all(entry["description"].endswith(".") for entry in entries.values())

    image = entries["image"]
    assert image["content"]["content_properties"] == {"color_space": "RGB", "default_size": {"width": 12, "height": 8}}
    assert image["process_units"] == [
        {"options_type": "NormalizationOptions", "options": {"mean": [0.0], "std": [1.0]}}
    ]
    assert image["stats"] == {"max": [255.0], "min": [0.0]}
    assert entries["title"]["stats"] == {"max": [5.0], "min": [0.0]}
    assert "first 4 tokens" in entries["title"]["description"]
    assert "ignored" in entries["title_present"]["description"]
    assert entries["height"]["description"] == "A value, in cm."

    packed_with = {
        name: [(file["type"], file["name"]) for file in entry["associated_files"]]
        for name, entry in entries.items()
        if "associated_files" in entry
    }
    assert packed_with == {
        "title": [("VOCABULARY", "title_vocabulary.txt")],
        "sort": [("TENSOR_AXIS_LABELS", "sort_labels.txt")],
        "marks": [("TENSOR_AXIS_LABELS", "marks_labels.txt")],
    }
    assert files["title_vocabulary.txt"].split() == ["[PAD]", "[UNK]", *VOCABULARY]
    assert files["sort_labels.txt"].splitlines()[:2] == LABELS[:2]
    assert json.loads(files["contract.json"])["tflite"] == read_contract(exported)["tflite"]


@pytest.mark.slow
def test_fields_of_a_kind_that_is_new_and_warnings_are_described(reader, exported, alone, tmp_path):
    contract = read_contract(alone)
    contract["modalities"]["image"] = {"kind": "frames", "unit": "m/s", "optional": True}
    contract["tflite"]["warning"] = "keeps its state between calls"
    path = tmp_path / "model.tflite"
    path.write_bytes(packed(alone.read_bytes(), contract))
    metadata = reader(path)["metadata"]
    assert metadata["description"].endswith("It keeps its state between calls.")
    entries = {entry["name"]: entry for entry in metadata["subgraph_metadata"][0]["input_tensor_metadata"]}
    assert entries["image"]["description"] == "Frames, in m/s."
