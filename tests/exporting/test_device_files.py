"""TFLite files: how an LSTM is written, quantization and its gate, and a model in parts."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import multimodal_keras as mk
from multimodal_keras.exporting import ParityError, TFLiteOptions, device_files, tflite
from multimodal_keras.exporting.alone import CrashError, run_alone
from multimodal_keras.exporting.device_files import calibration_examples
from multimodal_keras.exporting.gate import judged_drops, metric_drops
from multimodal_keras.exporting.tflite import write_tflite
from multimodal_keras.runtime.artefacts import load, read_contract

STEPS, UNITS = 7, 8
KINDS = ("float32", "float16", "dynamic", "int8")


def operations(path):
    """The names of all ops in a file, those of loops included, as the interpreter itself lists them."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    return {operation["op_name"] for operation in interpreter._get_ops_details()}


def text_model(encoder, pooling=None):
    return mk.build_model(
        {"title": mk.TextModality(STEPS, vocabulary=[f"w{number}" for number in range(20)])},
        {"subject": mk.ClassificationHead(labels=["a", "b", "c"])},
        encoders={"title": encoder},
        fusion=mk.ConcatFusion(pooling=pooling),
    )


def ids_of_all_lengths():
    ids = np.random.default_rng(5).integers(2, 20, (2 * STEPS, STEPS), "int32")
    for row in range(len(ids)):
        ids[row, row % STEPS + 1 :] = 0
    return ids


@pytest.mark.parametrize("lstm", ["loop", "fused"])
@pytest.mark.parametrize(
    ("encoder", "pooling"),
    [
        (mk.LSTMEncoder(UNITS), "last"),
        (mk.LSTMEncoder(UNITS), "mean"),
        (mk.LSTMEncoder(UNITS, bidirectional=True, layers=2), "max"),
    ],
)
def test_an_lstm_on_the_device_is_the_masked_layer_of_keras(lstm, encoder, pooling, tmp_path):
    """Record after record on one interpreter, of all lengths, against `keras.layers.LSTM` with a mask."""
    keras.utils.set_random_seed(2)
    model = text_model(encoder, pooling)
    [file] = device_files.write_device_files(model, tmp_path, TFLiteOptions(lstm=lstm), None)
    ids = ids_of_all_lengths()
    expected = masked_answers(model, ids, pooling)
    artefact = load(tmp_path / file.name)
    for _ in range(2):
        np.testing.assert_allclose(artefact.call({"title": ids})["subject"], expected, atol=2e-6)
    expected_operation = {"loop": "WHILE", "fused": "UNIDIRECTIONAL_SEQUENCE_LSTM"}
    assert {"WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM"} & operations(tmp_path / file.name) == {expected_operation[lstm]}


def masked_answers(model, ids, pooling):
    """The same weights in Keras's own layers, with Keras's own masking."""
    found = mk.parts(model)
    encoder, mask = found.encoders["title"], ids != 0
    tokens = encoder.embed(ids, False)
    cells = iter(encoder._cells)
    for _ in range(encoder.layers):
        directions = [keras.layers.LSTM(UNITS, return_sequences=True, go_backwards=bool(k)) for k in range(2)]
        outputs = []
        for layer in directions[: 2 if encoder.bidirectional else 1]:
            layer.build(tokens.shape)
            layer.set_weights(next(cells).get_weights())
            states = layer(tokens, mask=mask)
            outputs.append(keras.ops.flip(states, 1) if layer.go_backwards else states)
        tokens = keras.ops.concatenate(outputs, -1)
    tokens = np.where(mask[..., None], keras.ops.convert_to_numpy(tokens), 0)
    last = np.maximum(mask.sum(1) - 1, 0)
    pooled = {
        "last": tokens[np.arange(len(ids)), last],
        "mean": tokens.sum(1) / mask.sum(1, keepdims=True),
        "max": np.where(mask[..., None], tokens, -np.inf).max(1),
    }[pooling]
    return keras.ops.convert_to_numpy(found.heads["subject"](pooled))


def test_a_fused_lstm_needs_the_reset_that_its_contract_asks_for(tmp_path):
    keras.utils.set_random_seed(3)
    [file] = device_files.write_device_files(
        text_model(mk.LSTMEncoder(UNITS)), tmp_path, TFLiteOptions(lstm="fused"), None
    )
    facts = read_contract(tmp_path / file.name)["tflite"]
    assert facts["stateful"]
    assert "reset_all_variables" in facts["warning"]
    ids = ids_of_all_lengths()[:1]
    interpreter = Interpreter(str(tmp_path / file.name))
    run = interpreter.get_signature_runner()
    first, again = (run(title=ids)["subject"] for _ in range(2))
    assert np.abs(first - again).max() > 1e-4
    interpreter.reset_all_variables()
    np.testing.assert_array_equal(run(title=ids)["subject"], first)


def trained(clipart):
    keras.utils.set_random_seed(1)
    model = mk.build_model(
        {"title": mk.TextModality(6, optional=True), "image": mk.ImageModality((32, 32), optional=True)},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": mk.LSTMEncoder(16, embedding_width=16), "image": mk.Conv2DEncoder((16, 32))},
        fusion=mk.CrossAttentionFusion(16, attention_heads=2),
        adapt_to=clipart,
    )
    mk.fit(model, clipart, epochs=3, verbose=0)
    return model


@pytest.fixture(scope="module")
def model(clipart):
    return trained(clipart)


@pytest.fixture(scope="module")
def exported(model, clipart, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantized") / "1"
    options = {"quantize": list(KINDS), "split": True, "integer_outputs": True, "max_metric_drop": 0.2}
    return mk.export(model, folder, sample=clipart, sample_size=32, calibration=clipart, **options)


def test_each_quantization_is_a_file_with_its_own_rows(exported):
    report = json.loads((exported.folder / "parity.json").read_text())
    names = ["model.tflite", "model.float16.tflite", "model.dynamic.tflite", "model.int8.tflite"]
    for kind, name in zip(KINDS, names, strict=True):
        facts = report["files"][name]
        assert facts["quantize"] == kind
        assert facts["bytes"] == (exported.folder / name).stat().st_size == exported.sizes[name]
        for threads in ("one_thread", "two_threads"):
            assert 0 < facts[threads]["p50_ms"] <= facts[threads]["p95_ms"]
        assert 10 < facts["peak_memory_mb"] < 200
        way = "TFLite" if kind == "float32" else f"TFLite {kind}"
        rows = {row["records"]: row for row in report["rows"] if row["way"] == way}
        assert sorted(rows) == ["all", "without image", "without title"]
        if kind != "float32":
            drop = rows["all"]["metric_drops"]["subject"]
            assert drop["metric"] == "accuracy"
            assert drop["interval"][0] <= drop["drop"] <= drop["interval"][1]
            keras_row = next(row for row in report["rows"] if row["way"] == "Keras")
            fallen = keras_row["metrics"]["subject accuracy"] - rows["all"]["metrics"]["subject accuracy"]
            assert drop["drop"] == pytest.approx(fallen, abs=1e-6)
    assert exported.refused == {}


def test_what_is_quantized(exported):
    """The dtypes in the files: halves, int8 weights, and int8 activations of convolutions alone."""

    def dtypes(name):
        interpreter = Interpreter(str(exported.folder / name))
        return Counter(np.dtype(tensor["dtype"]).name for tensor in interpreter.get_tensor_details())

    assert not {"float16", "int8"} & set(dtypes("model.tflite"))
    assert dtypes("model.float16.tflite")["float16"] > 0
    assert dtypes("model.dynamic.tflite")["int8"] > 0
    assert "QUANTIZE" not in operations(exported.folder / "model.dynamic.tflite")
    assert "QUANTIZE" in operations(exported.folder / "model.int8.tflite")
    for kind in KINDS:
        name = "model.tflite" if kind == "float32" else f"model.{kind}.tflite"
        used = operations(exported.folder / name)
        assert not {operation for operation in used if operation.lower().startswith(("flex", "custom"))}


def test_answers_in_int8_have_a_scale_and_mean_the_same(exported, model, clipart):
    path = exported.folder / "model.int8.tflite"
    outputs = read_contract(path)["tflite"]["outputs"]
    batch = mk.data.batches(clipart.take(8), model, batch_size=8, labels=False)
    tensors = {name: value.numpy() for name, value in next(iter(batch)).items()}
    run = Interpreter(str(path)).get_signature_runner()
    answers, expected = load(path).call(tensors), model(tensors, training=False)
    for row in range(8):
        for task, raw in run(**{name: value[row : row + 1] for name, value in tensors.items()}).items():
            assert raw.dtype.name == outputs[task]["dtype"] == "int8"
            facts = outputs[task]["quantization"]
            np.testing.assert_allclose(
                answers[task][row], (raw[0] - facts["zero_point"] * 1.0) * facts["scale"], rtol=1e-6
            )
            # Of a model that was trained for seconds: far from any scale or zero point gone wrong.
            np.testing.assert_allclose(answers[task][row], expected[task][row], atol=0.3)


def test_the_contract_travels_inside_each_file(exported, tmp_path):
    for path in exported.folder.rglob("*.tflite"):
        copied = tmp_path / path.name
        copied.write_bytes(path.read_bytes())
        facts = read_contract(copied)
        assert facts["tflite"]["quantize"] in KINDS
        assert "signatures" not in facts
        assert json.loads(zipfile.ZipFile(path).read("contract.json")) == facts
    assert read_contract(exported.folder)["tflite"]["quantize"] == "float32"


@pytest.mark.parametrize("kind", KINDS)
def test_parts_answer_as_the_whole(exported, model, clipart, kind):
    """A picture is encoded once and used with two titles."""
    ending = "" if kind == "float32" else f".{kind}"
    folder = exported.folder / "parts"
    image, title, fusion = (
        load(folder / f"{name}{ending}.tflite") for name in ("image_encoder", "title_encoder", "fusion")
    )
    whole = load(exported.folder / f"model{ending}.tflite")
    batch = mk.data.batches(clipart.take(2), model, batch_size=2, labels=False)
    inputs = {name: value.numpy() for name, value in next(iter(batch)).items()}
    one_picture = {name: np.repeat(value[:1], 2, 0) for name, value in inputs.items() if name.startswith("image")}
    tensors = inputs | one_picture
    seen = {
        name: np.repeat(value, 2, 0) for name, value in image.call({k: v[:1] for k, v in one_picture.items()}).items()
    }
    answers = fusion.call({**tensors, **seen, **title.call(tensors)})
    for task, expected in whole.call(tensors).items():
        np.testing.assert_allclose(answers[task], expected, atol=1e-6 if kind in ("float32", "float16") else 0.05)
    assert fusion.contract["part"] == "fusion"
    assert sorted(fusion.contract["tasks"]) == ["colourful", "subject"]
    assert list(title.contract["modalities"]) == ["title"]


def test_a_part_answers_no_records(exported):
    with pytest.raises(ValueError, match=r"Received the part 'fusion'.*Use the file of the whole model"):
        load(exported.folder / "parts" / "fusion.tflite").predict([{"title": "cat"}])


def test_a_file_that_answers_too_much_worse_is_left_out(model, clipart, tmp_path, monkeypatch):
    keras.utils.set_random_seed(9)
    other = trained_otherwise(model)

    def swapped(part, path, *, endpoint, quantize, **options):
        chosen = endpoint if quantize == "float32" else tflite.device_half(other)
        write_tflite(part if quantize == "float32" else other, path, endpoint=chosen, quantize=quantize, lstm="loop")

    monkeypatch.setattr(device_files, "write_tflite", swapped)
    done = mk.export(model, tmp_path / "1", sample=clipart, sample_size=24, quantize="float32,dynamic")
    assert "worse by" in done.refused["TFLite dynamic"]
    assert "0.01 is allowed" in done.refused["TFLite dynamic"]
    assert "refused: TFLite dynamic" in str(done)
    assert sorted(path.name for path in (tmp_path / "1").glob("*.tflite")) == ["model.tflite"]
    assert sorted(done.parity["files"]) == ["model.tflite"]
    with pytest.raises(ParityError, match=r"TFLite dynamic: .* is worse by .*Nothing was written"):
        mk.export(model, tmp_path / "2", sample=clipart, sample_size=24, quantize="dynamic")
    assert not (tmp_path / "2").exists()


def trained_otherwise(model):
    other = keras.models.clone_model(model)
    other.set_weights([np.random.default_rng(4).permuted(weight) for weight in model.get_weights()])
    return other


def test_what_a_drop_is(model, clipart):
    """Accuracy in shares of the records, an error in deviations, and without labels the share of other answers."""
    found = mk.parts(model)
    labels = found.heads["subject"].labels
    right = np.eye(len(labels), dtype="float32")[np.arange(10) % 2]
    wrong = right.copy()
    wrong[0] = right[1]
    deviation = found.heads["colourful"].deviation
    values = np.zeros((10, 1), "float32")
    targets = {"subject": (np.arange(10) % 2, np.ones(10)), "colourful": (values, np.ones(10))}
    got = {"subject": wrong, "colourful": values + 0.5 * deviation}
    drops = metric_drops(found, {"subject": right, "colourful": values}, got, targets)
    assert drops["subject"]["drop"] == pytest.approx(0.1)
    assert drops["subject"]["interval"][0] == pytest.approx(0.0)
    assert drops["colourful"]["drop"] == pytest.approx(0.5)
    none = {task: (target, np.zeros(10)) for task, (target, _) in targets.items()}
    drops = metric_drops(found, {"subject": right, "colourful": values}, got, none)
    assert drops["subject"] == {"metric": "difference from Keras", "drop": pytest.approx(0.1), "interval": None}


def test_with_a_modality_missing_a_drop_by_chance_is_accepted(model):
    """One answer of twenty is no more than chance; ten are, and with all modalities one is too much."""
    found = mk.parts(model)
    labels = len(found.heads["subject"].labels)
    right = np.eye(labels, dtype="float32")[np.arange(20) % labels]
    values = np.zeros((20, 1), "float32")
    targets = {"subject": (np.arange(20) % labels, np.ones(20)), "colourful": (values, np.ones(20))}

    def judged(wrong, *, whole):
        got = np.concatenate([np.roll(right[:wrong], 1, axis=1), right[wrong:]])
        wanted = {"subject": right, "colourful": values}
        return judged_drops(found, wanted, wanted | {"subject": got}, targets, 0.01, whole=whole)

    drops, accepted = judged(1, whole=False)
    assert accepted
    assert drops["subject"]["drop"] == pytest.approx(0.05)
    assert drops["subject"]["interval"][0] == pytest.approx(0.0)
    assert not judged(10, whole=False)[1]
    assert not judged(1, whole=True)[1]


def test_examples_come_evenly_from_all_classes(model, clipart):
    rare = clipart.to_frame()["subject"].value_counts().index[-1]
    records = [record for record in clipart if record["subject"] != rare] + [
        record for record in clipart if record["subject"] == rare
    ][:2]
    examples = calibration_examples(model, mk.data.Records.of(records, folder=clipart.folder), 8)
    assert len(examples["title"]) == 8
    chosen = device_files._evenly(mk.data.Records.of(records), "subject", 8)
    counts = Counter(record["subject"] for record in chosen)
    assert counts[rare] == 2
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_killed_quantizer_is_reported_with_the_layer(model, clipart, tmp_path, monkeypatch):
    crashing = tmp_path / "crash.py"
    crashing.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(tflite, "run_alone", lambda program, *arguments: run_alone(str(crashing), *arguments))
    examples = calibration_examples(model, clipart, 2)
    with pytest.raises(ValueError, match=r"killed by SIGSEGV.*likely cause: 'title_encoder'.*quantize='dynamic'"):
        write_tflite(model, tmp_path / "int8.tflite", quantize="int8", examples=examples)


def test_without_the_quantizer_the_extra_is_named(model, clipart, tmp_path, monkeypatch):
    def missing(*_):
        raise CrashError("ModuleNotFoundError: No module named 'ai_edge_quantizer'")

    monkeypatch.setattr(tflite, "run_alone", missing)
    with pytest.raises(ValueError, match=r"pip install 'multimodal-keras\[quantize\]'"):
        write_tflite(model, tmp_path / "int8.tflite", quantize="int8", examples=calibration_examples(model, clipart, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "int4"}, r"quantize names one or more of float32.*Received int4"),
        ({"quantize": []}, r"Received none"),
        ({"lstm": "unrolled"}, r"lstm is 'loop', 'fused' or 'auto'. Received 'unrolled'"),
        ({"integer_outputs": True}, r"integer_outputs belongs to an int8 file"),
        ({"max_metric_drop": 2.0}, r"max_metric_drop is in \[0, 1\]"),
        ({"quantise": "int8"}, r"Unknown field export.quantise. Did you mean export.quantize"),
    ],
)
def test_options_that_are_refused(model, clipart, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        mk.export(model, tmp_path / "1", sample=clipart, **options)
    assert not any(Path(tmp_path).iterdir())
