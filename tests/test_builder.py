"""The builder: what it makes, and each thing that it refuses."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.base import parts
from multimodal_keras.base.contributions import contributions_model
from multimodal_keras.base.parts import output_of
from multimodal_keras.calibrating.graph import raw_model
from multimodal_keras.schemes.seen import Looker

RECORDS = [
    {"title": "a red cat", "topic": "animals", "score": 1.0},
    {"title": "a green pear", "topic": "food", "score": 3.0},
    {"title": "a cat", "topic": "animals", "score": None},
]
LABELS = ["a", "b"]


def text(**arguments):
    return mk.TextModality(4, **{"vocabulary": ["cat"], **arguments})


def head():
    return mk.ClassificationHead(labels=LABELS)


@pytest.mark.oldest
def test_names_inputs_and_outputs():
    model = mk.build_model(
        {"title": text(optional=True), "image": mk.ImageModality((32, 32))}, {"topic": head(), "subject": head()}
    )
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in model.input.items()} == {
        "image": ((None, 32, 32, 3), "uint8"),
        "title": ((None, 4), "int32"),
        "title_present": ((None,), "bool"),
    }
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in model.output.items()} == {
        "subject": ((None, 2), "float32"),
        "topic": ((None, 2), "float32"),
    }
    assert {"title_modality", "title_encoder", "image_encoder", "fusion", "topic_head", "topic"} <= {
        layer.name for layer in model.layers
    }


@pytest.mark.parametrize(("modality", "encoder"), [("TextModality", "LSTMEncoder"), ("ImageModality", "Conv2DEncoder")])
def test_every_modality_has_its_encoder(modality, encoder):
    model = mk.build_model({"field": modality}, {"topic": "ClassificationHead"}, adapt_to=records_of("field", modality))
    assert type(parts(model).encoders["field"]).__name__ == encoder
    assert type(parts(model).fusion).__name__ == "ConcatFusion"


def records_of(field, modality):
    value = "cat" if modality == "TextModality" else np.zeros((4, 4, 3), "uint8")
    return [{field: value, "topic": "a"}, {field: value, "topic": "b"}]


def test_names_configs_and_instances_are_one():
    by_name = mk.build_model({"title": "TextModality"}, {"topic": "ClassificationHead"}, adapt_to=RECORDS)
    config = {"class_name": "TextModality", "config": {"sequence_length": 4}}
    by_config = mk.build_model(
        {"title": config},
        {"topic": {"class_name": "ClassificationHead", "config": {}}},
        encoders={"title": {"class_name": "GRUEncoder", "config": {"units": 3}}},
        fusion="MeanFusion",
        adapt_to=RECORDS,
    )
    assert parts(by_name).modalities["title"].vocabulary == parts(by_config).modalities["title"].vocabulary
    assert parts(by_config).encoders["title"].units == 3


def test_adapting_reads_the_given_records_only():
    model = mk.build_model({"title": mk.TextModality(4)}, {"topic": mk.ClassificationHead()}, adapt_to=RECORDS[:2])
    found = parts(model)
    assert sorted(found.modalities["title"].vocabulary) == ["a", "cat", "green", "pear", "red"]
    assert found.heads["topic"].labels == ("animals", "food")
    score = mk.build_model({"title": text()}, {"score": mk.RegressionHead()}, adapt_to=RECORDS)
    assert parts(score).heads["score"].mean == 2.0


def test_a_template_is_not_changed_by_a_model():
    modality, label, encoder = mk.TextModality(4), mk.ClassificationHead(), mk.LSTMEncoder(3)
    one = mk.build_model({"title": modality}, {"topic": label}, encoders={"title": encoder}, adapt_to=RECORDS)
    assert (modality.vocabulary, label.labels, encoder.vocabulary_size) == (None, None, None)
    other = [{"title": "zebra", "topic": "x"}, {"title": "zebra", "topic": "y"}]
    two = mk.build_model({"title": modality}, {"topic": label}, encoders={"title": encoder}, adapt_to=other)
    assert parts(one).heads["topic"].labels == ("animals", "food")
    assert parts(two).modalities["title"].vocabulary == ("zebra",)


def test_a_template_serves_two_fields():
    modality, encoder = text(), mk.LSTMEncoder(3)
    model = mk.build_model({"a": modality, "b": modality}, {"topic": head()}, encoders={"a": encoder, "b": encoder})
    assert parts(model).encoders["a"] is not parts(model).encoders["b"]


def test_an_encoder_with_weights_brings_them():
    encoder = mk.LSTMEncoder(3, vocabulary_size=3, embedding_width=2)
    encoder(np.array([[1, 2, 0, 0]]))
    model = mk.build_model({"title": text()}, {"topic": head()}, encoders={"title": encoder})
    assert parts(model).encoders["title"] is encoder
    with pytest.raises(ValueError, match=r"An encoder that has weights serves one field. Received one instance twice"):
        mk.build_model({"a": text(), "b": text()}, {"topic": head()}, encoders={"a": encoder, "b": encoder})


def test_what_is_cut_out_of_a_model_is_its_own_though_components_serve_another():
    first = mk.build_model({"title": text(optional=True), "note": text()}, {"topic": head()})
    found, given = parts(first), {"title": text(optional=True), "other": text()}
    second = mk.build_model(given, found.heads, encoders={"title": found.encoders["title"]})
    ids = {name: np.array([[1, 2, 0, 0], [2, 2, 1, 0]]) for name in given} | {"title_present": np.array([True, False])}
    expected = second(ids)["topic"]
    np.testing.assert_array_equal(Looker(second)(ids).outputs["topic"], expected)
    np.testing.assert_array_equal(contributions_model(second)(ids)["topic"], expected)
    np.testing.assert_array_equal(raw_model(second)(ids)["topic"], expected)
    assert output_of(second, parts(second).fusion) is not output_of(first, found.fusion)


@pytest.mark.parametrize("name", ["Title", "2nd", "a b", "naïve", "", "_x", 3])
def test_names_that_are_refused(name):
    with pytest.raises(ValueError, match=r"The name of a modality is a lower-case letter"):
        mk.build_model({name: text()}, {"topic": head()})
    with pytest.raises(ValueError, match=r"The name of a task is a lower-case letter"):
        mk.build_model({"title": text()}, {name: head()})


@pytest.mark.parametrize(
    ("fields", "tasks", "twice"),
    [
        (["topic"], ["topic"], "topic"),
        (["a", "a_present"], ["t"], "a_present"),
        (["a"], ["a_present"], "a_present"),
        (["t_baseline"], ["t"], "t_baseline"),
        (["a"], ["t", "t_contributions"], "t_contributions"),
    ],
)
def test_names_that_clash(fields, tasks, twice):
    with pytest.raises(ValueError, match=rf"have different names. Received twice: {twice}"):
        mk.build_model({field: text() for field in fields}, {task: head() for task in tasks})


def test_nothing_to_build():
    with pytest.raises(ValueError, match=r"A model has at least one modality"):
        mk.build_model({}, {"topic": head()})
    with pytest.raises(ValueError, match=r"A model has at least one task"):
        mk.build_model({"title": text()}, {})


def test_components_of_a_wrong_kind_or_name():
    with pytest.raises(TypeError, match=r"'title': A Modality is an instance"):
        mk.build_model({"title": mk.LSTMEncoder()}, {"topic": head()})
    with pytest.raises(
        ValueError, match=r"'topic': A Head is named by its class. Received 'TopicHead'. Known names: Cl"
    ):
        mk.build_model({"title": text()}, {"topic": "TopicHead"})
    with pytest.raises(ValueError, match=r"The fusion: A Fusion is named by its class. Received 'Concat'"):
        mk.build_model({"title": text()}, {"topic": head()}, fusion="Concat")
    with pytest.raises(ValueError, match=r"Received 'titel'; the modalities are title"):
        mk.build_model({"title": text()}, {"topic": head()}, encoders={"titel": "LSTMEncoder"})
    with pytest.raises(ValueError, match=r"Conv2DEncoder cannot encode 'title': "):
        mk.build_model({"title": text()}, {"topic": head()}, encoders={"title": "Conv2DEncoder"})


def test_adapting_that_goes_wrong():
    with pytest.raises(ValueError, match=r"'title' \(TextModality\) has to learn .* Received no adapt_to"):
        mk.build_model({"title": mk.TextModality()}, {"topic": head()})
    with pytest.raises(ValueError, match=r"'topic' \(ClassificationHead\) has to learn"):
        mk.build_model({"title": text()}, {"topic": mk.ClassificationHead()})
    with pytest.raises(TypeError, match=r"Received an iterator, which can be read only once"):
        mk.build_model({"title": mk.TextModality()}, {"topic": head()}, adapt_to=iter(RECORDS))
    with pytest.raises(ValueError, match=r"'caption' cannot adapt: .*Received the fields title, topic, score"):
        mk.build_model({"caption": mk.TextModality()}, {"topic": head()}, adapt_to=RECORDS)
    with pytest.raises(ValueError, match=r"'title' cannot adapt: A text is a string"):
        mk.build_model({"title": mk.TextModality()}, {"topic": head()}, adapt_to=[{"title": 3}])
    with pytest.raises(ValueError, match=r"'title' cannot adapt: <memory>, row 2: A text is a string"):
        mk.build_model(
            {"title": mk.TextModality()}, {"topic": head()}, adapt_to=mk.data.Records.of([*RECORDS[:1], {"title": 3}])
        )
    for nothing in ([], mk.data.Records.of([])):
        with pytest.raises(
            ValueError, match=r"cannot adapt: There are records to learn from. Received none. Check the"
        ):
            mk.build_model({"title": mk.TextModality()}, {"topic": head()}, adapt_to=nothing)


def test_a_record_that_cannot_be_read_is_left_out_where_that_is_wished():
    records = mk.data.Records.of([*RECORDS[:2], {"title": 3, "topic": "animals"}])
    fields, tasks = {"title": mk.TextModality()}, {"topic": "ClassificationHead"}
    model = mk.build_model(fields, tasks, adapt_to=records, on_error="skip")
    assert set(parts(model).modalities["title"].vocabulary) == {"a", "red", "cat", "green", "pear"}
    run = mk.fit(model, records, epochs=1, batch_size=2, on_error="skip", verbose=0)
    assert [(entry["row"], entry["field"]) for entry in run.skipped] == [(3, "title")]
    with pytest.raises(ValueError, match=r"Received none that can be read. Check the filter"):
        mk.build_model(fields, tasks, adapt_to=[{"title": 3, "topic": "a"}], on_error="skip")
    with pytest.raises(ValueError, match=r"on_error is one of raise, skip. Received 'ignore'"):
        mk.build_model({"title": text()}, {"topic": head()}, on_error="ignore")


def test_a_row_that_cannot_be_read_is_left_out_where_that_is_wished(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        '{"title": "a cat", "topic": "a"}\n{"title": \n{"title": "pear", "topic": "b"}\n'
    )
    fields, tasks, rows = {"title": mk.TextModality()}, {"topic": head()}, mk.data.read(tmp_path / "rows.jsonl")
    model = mk.build_model(fields, tasks, adapt_to=rows, on_error="skip")
    assert set(parts(model).modalities["title"].vocabulary) == {"a", "cat", "pear"}
    with pytest.raises(ValueError, match=r"rows.jsonl, row 2"):
        mk.build_model(fields, tasks, adapt_to=rows)


def test_optional_is_true_or_false():
    with pytest.raises(
        ValueError, match=r"optional is true or false. Received 'no'. Write one of these, without quotes"
    ):
        mk.TextModality(optional="no")


def test_modality_dropout_has_its_options():
    def dropout(**fields):
        model = mk.build_model(fields, {"topic": head()}, modality_dropout=0.4, seed=5)
        return next((layer for layer in model.layers if layer.name == "modality_dropout"), None)

    assert dropout(a=text()) is None
    some, every = dropout(a=text(optional=True), b=text()), dropout(a=text(optional=True))
    assert (some.rate, some.keep_one, some.seed) == (0.4, False, 5)
    assert every.keep_one


def test_a_plain_keras_user(clipart, tmp_path, capsys):
    """compile, fit, evaluate, predict, summary, save: as with any other model."""
    keras.utils.set_random_seed(1)
    model = mk.build_model(
        {"title": mk.TextModality(6), "image": mk.ImageModality((16, 16), optional=True)},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": mk.LSTMEncoder(4, embedding_width=4), "image": mk.Conv2DEncoder((4,))},
        adapt_to=clipart,
    )
    losses = {"subject": "sparse_categorical_crossentropy", "colourful": "mse"}
    model.compile("adam", loss=losses, metrics={"subject": ["accuracy"]})
    batches = mk.data.batches(clipart, model, batch_size=16)
    history = model.fit(batches, epochs=2, shuffle=False, verbose=0).history
    assert {"loss", "subject_loss", "colourful_loss", "subject_accuracy"} <= set(history)
    assert history["loss"][1] < history["loss"][0]
    assert np.isfinite(model.evaluate(batches, verbose=0)).all()
    assert model.predict(batches, verbose=0)["subject"].shape == (64, 4)
    model.summary()
    assert "title_encoder" in capsys.readouterr().out
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(batches, verbose=0)["subject"], model.predict(batches, verbose=0)["subject"]
    )
    assert parts(again).modalities["title"].vocabulary == parts(model).modalities["title"].vocabulary


def test_parts_wants_a_model_of_the_builder():
    inputs = keras.Input((2,))
    with pytest.raises(ValueError, match=r"needs a model made by build_model"):
        parts(keras.Model(inputs, keras.layers.Dense(1)(inputs)))
