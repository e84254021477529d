"""`fit` with a balance and schemes, on real records: exact resume, the same model, and what does not go together."""

from __future__ import annotations

import json
import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest
import training_runs
from plain_components import PlainEncoder
from test_resume import assert_same_run

import multimodal_keras as mk
from multimodal_keras.training import TrainingOptions, compile_model
from multimodal_keras.training.fitting import _nameless

OPTIONS = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-2, "patience": None, "verbose": 0, "warmup_steps": 0}
AROUND = {
    "balance": mk.DynamicAverageBalance(temperature=1.0),
    "schemes": [
        mk.GradientBlendScheme(every=1),
        {"class_name": "ContrastiveScheme", "config": {"epochs_before": 1}},
    ],
}


@pytest.fixture(scope="module")
def records():
    """Real ones whose descriptions are their titles, some without."""
    found = training_runs.real_records(count=33)
    rows = [{**row, "description": row["title"] if place % 3 else ""} for place, row in enumerate(found)]
    return mk.data.Records.of(rows, folder=found.folder)


def fit(records, *arguments, model=None, **options):
    model = model or training_runs.small_model(records)
    return mk.fit(model, records, *arguments, **{**OPTIONS, **options})


class Copy(keras.callbacks.Callback):
    """Copies the run folder as it is between two epochs: what a kill leaves."""

    def __init__(self, source, target):
        super().__init__()
        self.source, self.target = source, target

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            shutil.copytree(self.source, self.target)
            self.model.save(self.target / "saved.keras")


@pytest.fixture(scope="module")
def plain(records, tmp_path_factory):
    """The model as it is saved without a balance and schemes; nobody has trained it."""
    model = training_runs.small_model(records)
    compile_model(model, TrainingOptions(), 1)
    model.optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        if variable.name == "embeddings":
            variable.assign(20 * variable)  # answers that one can learn from
    folder = tmp_path_factory.mktemp("plain")
    model.save(folder / "model.keras")
    return folder


def content(file, folder):
    """What a saved model is made of: its config, and the names and shapes of its weights."""
    with zipfile.ZipFile(file) as members:
        config = _nameless(json.loads(members.read("config.json")))
        members.extract("model.weights.h5", folder)
    shapes = {}
    with h5py.File(folder / "model.weights.h5") as weights:
        weights.visititems(
            lambda name, each: shapes.update({name: each.shape} if isinstance(each, h5py.Dataset) else {})
        )
    return {name: value for name, value in config.items() if name != "compile_config"}, shapes


def test_it_resumes_exactly_and_leaves_the_same_model(records, plain, tmp_path):
    whole_folder, killed = tmp_path / "whole", tmp_path / "killed"
    valid = records.take(8)
    whole = fit(records, valid, output=whole_folder, callbacks=[Copy(whole_folder, killed)], **AROUND)
    names = {"subject_weight", "contrastive_loss", "unimodal_title_loss", "val_unimodal_title_loss"}
    assert names <= set(whole.history)
    assert all(np.isfinite(values).all() and len(values) == 2 for values in whole.history.values())
    assert whole.best_epoch == 2  # the first one trains the alignment alone
    expected = content(plain / "model.keras", tmp_path)
    assert content(whole_folder / "model.keras", tmp_path) == expected
    assert content(killed / "saved.keras", tmp_path) == expected
    resumed = fit(records, valid, output=killed, **AROUND)
    assert_same_run(resumed, whole)
    facts = json.loads((whole_folder / "run.json").read_text())
    assert json.loads((killed / "run.json").read_text()) == facts
    assert facts["options"]["balance"] == {
        "class_name": "DynamicAverageBalance",
        "config": {"temperature": 1.0},
    }
    assert next(scheme["class_name"] for scheme in facts["options"]["schemes"]) == "GradientBlendScheme"
    with pytest.raises(ValueError, match="A run folder goes on with the run that it began with"):
        fit(records, valid, output=killed, **{**AROUND, "balance": "DynamicAverageBalance"})


def test_a_student_with_fewer_fields_learns_from_a_run_without_labels(records, plain):
    keras.utils.set_random_seed(3)
    teacher = mk.parts(keras.saving.load_model(plain / "model.keras"))
    heads = {task: type(head).from_config(head.get_config()) for task, head in teacher.heads.items()}
    title = mk.TextModality(6, vocabulary=teacher.modalities["title"].get_config()["vocabulary"])
    student = mk.build_model({"title": title}, heads, encoders={"title": PlainEncoder()})
    unlabelled = mk.data.Records.of([{**row, "subject": None, "colourful": None} for row in records])
    scheme = mk.DistillationScheme(teacher=plain, temperature=1.0)
    losses = fit(unlabelled, model=student, epochs=6, schemes=[scheme]).history["distillation_loss"]
    assert sorted(student.input) == ["title"]
    assert losses[-1] < 0.8 * losses[0]


def test_what_does_not_go_together(records):
    model = training_runs.small_model(records)
    with pytest.raises(
        ValueError, match=r"GradientBlendScheme goes by validation losses. Received no validation records"
    ):
        fit(records, model=model, schemes=["GradientBlendScheme"])
    with pytest.raises(ValueError, match=r"Each scheme is named once. Received UnimodalScheme twice"):
        fit(records, model=model, schemes=["UnimodalScheme", mk.UnimodalScheme()])
    with pytest.raises(ValueError, match=r"Each loss comes from one scheme. Received unimodal_description"):
        fit(records, records, model=model, schemes=["UnimodalScheme", "GradientBlendScheme"])
    with pytest.raises(ValueError, match=r"Received 'Nash'. Known names: .*NashBalance"):
        fit(records, model=model, balance="Nash")
    for name, parts in (("training", [[], records]), ("validation", [records, []])):
        with pytest.raises(mk.DataError, match=rf"There are {name} records. Received none. Check the filter"):
            fit(*parts, model=model)
    with pytest.raises(ValueError, match=r"training.schemes is tuple.*Received 'UnimodalScheme'"):
        fit(records, model=model, schemes="UnimodalScheme")
