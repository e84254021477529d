"""Training on real records: losses, metrics, files, stopping."""

from __future__ import annotations

import csv
import importlib.util
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import training_runs
from plain_components import PlainEncoder

import multimodal_keras as mk
from multimodal_keras.training import TrainingOptions, compile_model


@pytest.fixture(scope="module")
def records():
    return training_runs.real_records()


@pytest.fixture(scope="module")
def valid():
    return training_runs.real_records("valid", 12)


@pytest.fixture(scope="module")
def run(records, valid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "1"
    model = training_runs.small_model(records)
    return mk.fit(model, records, valid, output=folder, **training_runs.OPTIONS)


def fit(records, *arguments, model=None, **options):
    model = model or training_runs.small_model(records)
    return mk.fit(model, records, *arguments, **{**training_runs.OPTIONS, "epochs": 1, **options})


def weights(model):
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.mark.oldest
def test_it_learns_and_names_what_it_measures(run):
    names = ["loss", "colourful_loss", "subject_loss", "colourful_mae", "subject_accuracy"]
    assert set(run.history) == {*names, *(f"val_{name}" for name in names)}
    assert all(len(values) == 3 for values in run.history.values())
    assert run.history["loss"][-1] < run.history["loss"][0]
    assert run.skipped == []


def test_the_loss_is_the_weighted_sum_of_the_tasks(run):
    for total, subject, colourful in zip(
        run.history["loss"], run.history["subject_loss"], run.history["colourful_loss"], strict=True
    ):
        assert total == pytest.approx(subject + 0.5 * colourful, rel=1e-4)


def test_the_run_folder(run):
    names = {path.name for path in run.folder.iterdir()}
    assert {"model.keras", "run.json", "history.json", "history.csv", "skipped.jsonl", "checkpoint"} <= names
    facts = json.loads((run.folder / "run.json").read_text())
    assert facts["options"]["epochs"] == 3
    assert facts["records"] == {"train": 48, "valid": 12}
    assert set(facts["fingerprints"]) == {"train", "valid"}
    assert {"tensorflow", "keras", "multimodal_keras"} <= set(facts["versions"])
    assert facts["best_epoch"] == run.best_epoch
    assert json.loads((run.folder / "history.json").read_text()) == run.history
    with (run.folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == run.history["loss"]
    assert (run.folder / "skipped.jsonl").read_text() == ""
    again = keras.saving.load_model(run.folder / "model.keras")
    for one, other in zip(weights(again), weights(run.model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert str(run).startswith(f"best epoch {run.best_epoch} of 3: ")


class Ruin(keras.callbacks.Callback):
    """Spoils the weights at the start of an epoch, so that the best one came before."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch >= 2:
            for variable in self.model.trainable_variables:
                variable.assign(variable + 3.0)


class Remember(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.kept = []

    def on_epoch_end(self, epoch, logs=None):
        self.kept.append(weights(self.model))


@pytest.mark.parametrize("folder", [True, False])
def test_patience_and_the_best_weights(records, valid, tmp_path, folder):
    remember = Remember()
    run = fit(
        records,
        valid,
        epochs=9,
        patience=2,
        callbacks=[Ruin(), remember],
        output=tmp_path / "run" if folder else None,
    )
    losses = run.history["val_loss"]
    assert run.best_epoch == int(np.argmin(losses)) + 1 == 2
    assert len(losses) == run.best_epoch + 2
    for one, other in zip(weights(run.model), remember.kept[run.best_epoch - 1], strict=True):
        np.testing.assert_array_equal(one, other)


class Worsen(keras.callbacks.Callback):
    """Moves the weights away from their best in each epoch but the first."""

    def on_epoch_begin(self, epoch, logs=None):
        for variable in self.model.trainable_variables if epoch else ():
            variable.assign(variable + 1.0)


def test_patience_counts_after_the_warm_up_only(records, valid):
    """Three steps an epoch: the rate rises for 12 of the 120 steps, four epochs."""
    run = fit(records, valid, epochs=40, patience=2, callbacks=[Worsen()])
    assert run.best_epoch == 1
    assert len(run.history["val_loss"]) == 4 + 2


def test_a_metric_may_be_what_counts(records, valid):
    run = fit(records, valid, epochs=2, monitor="val_subject_accuracy")
    assert run.best_epoch == int(np.argmax(run.history["val_subject_accuracy"])) + 1
    with pytest.raises(ValueError, match=r"monitor is a name in the history. Received 'accuracy'. Known: .*loss"):
        fit(records, monitor="accuracy")


@pytest.mark.oldest
def test_rows_without_a_label_teach_nothing(records):
    """Training with unlabelled rows in the batch is training without them, at one batch a step."""
    rows = list(records)[:10]
    unlabelled = [{**row, "subject": None} for row in list(records)[20:26]]
    heads = {"subject": mk.ClassificationHead(labels=sorted({row["subject"] for row in rows}))}
    found = []
    for chosen in (rows, rows + unlabelled):
        keras.utils.set_random_seed(1)
        title = mk.TextModality(6, vocabulary=["a", "the", "red", "black", "bird"])
        model = mk.build_model({"title": title}, heads, encoders={"title": PlainEncoder()})
        run = fit(mk.data.Records.of(chosen, folder=records.folder), model=model, shuffle=False, epochs=2)
        found.append((run.history["loss"], run.history["accuracy"], weights(run.model)))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)
    for one, other in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_class_weights_reach_the_loss(records):
    plain, heavy = (
        fit(records, model=training_runs.small_model(records, subject=head)).history["loss"][0]
        for head in (
            mk.ClassificationHead(),
            mk.ClassificationHead(class_weight=dict.fromkeys(sorted({r["subject"] for r in records} - {None}), 10.0)),
        )
    )
    assert heavy > 5 * plain


@pytest.mark.parametrize("cache", ["memory", None])
def test_records_that_fail_are_skipped_and_listed(records, tmp_path, cache):
    rows = [dict(row) for row in list(records)[:20]]
    rows[3]["title"], rows[7]["colourful"] = None, "blue"
    broken = mk.data.Records.of(rows, folder=records.folder)
    model = training_runs.small_model(records)
    with pytest.raises(mk.DataError, match=r"<memory>, row (4|8), field '(title|colourful)'"):
        fit(broken, model=model, cache=cache)
    options = {"output": tmp_path, "on_error": "skip", "cache": cache}
    if cache is None:
        with pytest.warns(UserWarning, match="ran out of data"):
            run = fit(broken, model=training_runs.small_model(records), **options)
    else:
        run = fit(broken, model=training_runs.small_model(records), **options)
    listed = [json.loads(line) for line in (tmp_path / "skipped.jsonl").read_text().splitlines()]
    assert listed == run.skipped
    assert [(entry["row"], entry["field"]) for entry in listed] == [(4, "title"), (8, "colourful")]
    assert str(run).endswith("2 records skipped")


@pytest.fixture
def mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


def test_mixed_precision_trains_and_answers_in_float32(records, mixed_precision):
    run = fit(records.take(16), model=training_runs.random_model(records))
    assert np.isfinite(run.history["loss"]).all()
    assert run.model.get_layer("fusion").compute_dtype == "float16"
    inputs = next(iter(mk.data.batches(records.take(4), run.model)))[0]
    for output in run.model(inputs).values():
        assert output.dtype == "float32"
        assert np.isfinite(output).all()


def test_the_whole_step_compiled(records):
    assert np.isfinite(fit(records.take(16), jit_compile=True).history["loss"]).all()


def test_l2_adds_the_squares_of_kernels_and_embeddings(records):
    model = training_runs.small_model(records)
    inputs, targets, row_weights = next(iter(mk.data.batches(records.take(16), model, batch_size=16)))
    losses = []
    for l2 in (0.0, 0.01, 0.0):
        compile_model(model, TrainingOptions(l2=l2), 1)
        losses.append(model.evaluate(inputs, targets, sample_weight=row_weights, verbose=0, return_dict=True)["loss"])
    chosen = ("kernel", "recurrent_kernel", "embeddings", "depthwise_kernel", "pointwise_kernel")
    squares = sum(float(tf.reduce_sum(v.value**2)) for v in model.trainable_variables if v.name in chosen)
    assert losses[1] - losses[0] == pytest.approx(0.01 * squares, rel=1e-3)
    assert losses[2] == pytest.approx(losses[0])


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_files(records, tmp_path):
    fit(records.take(16), output=tmp_path, tensorboard=True)
    assert list((tmp_path / "tensorboard").rglob("events.out.tfevents.*"))


def test_tensorboard_needs_a_folder_and_its_package(records, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"TensorBoard logs go into the run folder. Received no output"):
        fit(records.take(16), tensorboard=True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install tensorboard"):
        fit(records.take(16), output=tmp_path, tensorboard=True)


def test_options_are_checked(records):
    with pytest.raises(ValueError, match=r"Unknown field training.epoch. Did you mean training.epochs\?"):
        fit(records, epoch=3)
    run = fit(records.take(16), options=TrainingOptions(learning_rate=0.5), epochs=1)
    assert len(run.history["loss"]) == 1


@pytest.mark.parametrize(
    ("options", "rates"),
    [
        ({"schedule": "constant", "warmup_steps": 0}, [0.1, 0.1, 0.1]),
        ({"schedule": "constant", "warmup_steps": 1, "epochs": 2}, [0.0, 0.1, 0.1]),
        ({"schedule": "cosine", "warmup_steps": 0, "epochs": 1}, [0.1, 0.05, 0.0]),
        ({"schedule": "cosine", "warmup_steps": 100, "epochs": 2}, [0.0, 0.1, 0.0]),
    ],
)
def test_schedules(records, options, rates):
    """At the first step, after the warm-up (or half of the way), and at the end."""
    model = training_runs.small_model(records)
    compile_model(model, TrainingOptions(learning_rate=0.1, **options), 10)
    rate = model.optimizer._learning_rate
    steps = (0, 5 if options.get("epochs") == 1 else 2, 10 * options.get("epochs", 20))
    found = [float(rate(step)) if callable(rate) else float(rate) for step in steps]
    assert found == pytest.approx(rates, abs=1e-6)


def test_loss_that_is_no_number_is_an_error_and_leaves_the_state_of_the_epoch_before(records, tmp_path):
    with pytest.raises(ValueError, match="A loss is a finite number"):
        fit(records.take(16), output=tmp_path, learning_rate=1e30, clip_norm=None, warmup_steps=0, epochs=3)
    assert not (tmp_path / "model.keras").exists()
