import itertools
import math
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from data_components import CountModality, LabelHead, NumberModality, PixelModality, some_parts, write_pictures

import multimodal_keras as mk
from multimodal_keras.errors import DataError

COUNT = 23


@pytest.fixture
def pictures(tmp_path):
    write_pictures(tmp_path / "pictures", COUNT)
    rows = ["image,text,topic"] + [f"pictures/{n}.png,{'x' * (n + 1)},{'ab'[n % 2]}" for n in range(COUNT)]
    (tmp_path / "records.csv").write_text("\n".join(rows))
    return mk.data.read(tmp_path / "records.csv")


def model_parts(**image):
    return some_parts({"image": PixelModality(**image), "text": CountModality()}, {"topic": LabelHead()})


def reds(inputs):
    return inputs["image"][:, 0, 0, 0].numpy().tolist()


def numbers(dataset):
    return [reds(inputs) for inputs, _, _ in dataset]


@pytest.mark.oldest
@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("cache", [None, "memory", "folder"])
def test_batches_hold_what_the_records_say(pictures, cache, prefetch, tmp_path):
    cache = tmp_path / "cache" if cache == "folder" else cache
    dataset = mk.data.batches(pictures, model_parts(), batch_size=10, cache=cache, prefetch=prefetch)
    assert isinstance(dataset, tf.data.Dataset)
    for _ in range(2):
        found = list(dataset)
        assert [reds(inputs) for inputs, _, _ in found] == [[*range(10)], [*range(10, 20)], [20, 21, 22]]
        inputs, targets, weights = found[0]
        assert inputs["image"].shape == (10, 8, 8, 3)
        assert inputs["text"].numpy().tolist() == [[n + 1] for n in range(10)]
        assert targets["topic"].numpy().tolist() == [0, 1] * 5
        assert weights["topic"].numpy().tolist() == [1.0] * 10
    inputs, targets, weights = dataset.element_spec
    assert inputs["image"] == tf.TensorSpec((None, 8, 8, 3), tf.uint8)
    assert targets["topic"] == tf.TensorSpec((None,), tf.int32)
    assert weights["topic"] == tf.TensorSpec((None,), tf.float32)


def test_inputs_alone(pictures):
    inputs = next(iter(mk.data.batches(pictures, model_parts(), labels=False, batch_size=2)))
    assert sorted(inputs) == ["image", "text"]


def test_optional_fields_have_presences():
    records = mk.data.Records.of(
        [{"text": "abc", "size": "1.5"}, {"text": "", "size": None}, {"text": None, "size": 2}]
    )
    modalities = {"text": CountModality(optional=True), "size": NumberModality(optional=True)}
    inputs = next(iter(mk.data.batches(records, some_parts(modalities))))
    assert sorted(inputs) == ["size", "size_present", "text", "text_present"]
    assert inputs["text_present"].numpy().tolist() == [True, False, False]
    assert inputs["size_present"].numpy().tolist() == [True, False, True]
    assert inputs["size"].numpy().tolist() == [[1.5], [0.0], [2.0]]


def test_an_unlabelled_record_weighs_nothing():
    records = mk.data.Records.of([{"text": "a", "topic": None}, {"text": "b", "topic": b"b"}])
    parts = some_parts({"text": CountModality()}, {"topic": LabelHead()})
    _, targets, weights = next(iter(mk.data.batches(records, parts)))
    assert targets["topic"].numpy().tolist() == [0, 1]
    assert weights["topic"].numpy().tolist() == [0.0, 1.0]


@pytest.mark.oldest
@pytest.mark.parametrize("options", [{}, {"shuffle_window": 4}, {"cache": "memory"}, {"prefetch": False}])
def test_the_order_depends_on_seed_and_epoch_alone(pictures, options):
    def pipeline(**more):
        return mk.data.Pipeline(pictures, model_parts(), batch_size=5, shuffle=True, seed=3, **options, **more)

    first = pipeline()
    epochs = [numbers(first.dataset()) for _ in range(4)]
    assert first.epoch == 4
    assert len({str(epoch) for epoch in epochs}) == 4
    assert all(sorted(itertools.chain(*epoch)) == [*range(COUNT)] for epoch in epochs)
    resumed = pipeline()
    resumed.epoch = 2
    assert [numbers(resumed.dataset()) for _ in range(2)] == epochs[2:]
    assert numbers(mk.data.Pipeline(pictures, model_parts(), batch_size=5, shuffle=True, seed=4).dataset()) != epochs[0]


def test_an_epoch_counts_when_its_last_batch_is_handed_out(pictures):
    pipeline = mk.data.Pipeline(pictures, model_parts(), batch_size=10, cache="memory")
    dataset = pipeline.dataset()
    peek = iter(dataset)
    next(peek)
    next(peek)
    time.sleep(0.05)
    assert pipeline.epoch == 0
    next(peek)
    assert pipeline.epoch == 1


def test_cardinality_where_it_is_known(pictures):
    assert mk.data.batches(pictures, model_parts(), batch_size=5).cardinality() == math.ceil(COUNT / 5)
    skipping = mk.data.batches(pictures, model_parts(), on_error="skip")
    assert skipping.cardinality() == tf.data.UNKNOWN_CARDINALITY
    cached = mk.data.batches(damage(pictures), model_parts(), batch_size=5, on_error="skip", cache="memory")
    assert cached.cardinality() == math.ceil((COUNT - len(BAD)) / 5)


def damage(pictures):
    """A corrupt picture, a missing one, an unknown label, an empty text and a malformed row."""
    folder = pictures.folder
    (folder / "pictures" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / "pictures" / "7.png").unlink()
    lines = (folder / "records.csv").read_text().splitlines()
    lines[10 + 1] = "pictures/10.png,xx,c"
    lines[12 + 1] = "pictures/12.png,,a"
    lines[15 + 1] = "pictures/15.png,too,many,cells"
    (folder / "records.csv").write_text("\n".join(lines))
    return mk.data.read(folder / "records.csv")


BAD = {3, 7, 10, 12, 15}


@pytest.mark.oldest
def test_a_corrupt_picture_is_named_with_its_row(pictures):
    (pictures.folder / "pictures" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    pipeline = mk.data.Pipeline(pictures, model_parts(), batch_size=10)
    message = r"records.csv, row 4, field 'image': A value can be decoded. Received 'pictures/3.png'"
    with pytest.raises(tf.errors.OpError, match=message):
        list(pipeline.dataset())
    assert isinstance(pipeline.error, DataError)
    with pytest.raises(DataError, match=message) as caught, pipeline.errors():
        list(pipeline.dataset())
    assert (caught.value.origin.row, caught.value.field) == (4, "image")
    with pytest.raises(KeyError), pipeline.errors():
        raise KeyError("not ours")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"text": "", "topic": "a"},
            r"row 2, field 'text': A required field has a value .* Declare optional=True, or fill it",
        ),
        ({"text": "x", "topic": "c"}, r"row 2, field 'topic': A label is known. Received 'c'. Known: a, b"),
    ],
)
def test_unusable_records_are_named(row, message):
    records = mk.data.Records.of([{"text": "x", "topic": "a"}, row])
    parts = some_parts({"text": CountModality()}, {"topic": LabelHead()})
    pipeline = mk.data.Pipeline(records, parts)
    with pytest.raises(DataError, match=message), pipeline.errors():
        list(pipeline.dataset())


@pytest.mark.parametrize("cache", [None, "memory", "folder"])
def test_skipping_lists_what_was_left_out(pictures, cache, tmp_path):
    cache = tmp_path / "cache" if cache == "folder" else cache
    records = damage(pictures)
    for _ in range(2):
        pipeline = mk.data.Pipeline(records, model_parts(), batch_size=5, cache=cache, on_error="skip")
        for _ in range(2):
            found = numbers(pipeline.dataset())
            assert list(itertools.chain(*found)) == [n for n in range(COUNT) if n not in BAD]
            assert [len(batch) for batch in found] == [5, 5, 5, 3]
        assert {entry["row"] - 1 for entry in pipeline.skipped} == BAD
        assert [entry["field"] for entry in pipeline.skipped] == ["image", "image", "topic", "text", None]
        assert all(entry["file"].endswith("records.csv") and entry["reason"] for entry in pipeline.skipped)


def test_nothing_left_is_an_error():
    parts = some_parts({"text": CountModality()})
    for records in (mk.data.Records.of([]), mk.data.Records.of([{"text": None}])):
        for cache in (None, "memory"):
            pipeline = mk.data.Pipeline(records, parts, on_error="skip", cache=cache)
            with pytest.raises(DataError, match="at least one usable record"), pipeline.errors():
                list(pipeline.dataset())


def test_a_cache_in_a_folder_is_used_again_and_never_when_stale(pictures, tmp_path, monkeypatch):
    folder = tmp_path / "cache"

    def epoch(records=pictures, parts=None):
        return list(itertools.chain(*numbers(mk.data.batches(records, parts or model_parts(), cache=folder))))

    epoch()
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(PixelModality, "read", None)
    assert epoch() == [*range(COUNT)]
    monkeypatch.undo()
    epoch(parts=some_parts({"image": PixelModality(), "text": CountModality()}, {"topic": LabelHead(["b", "a"])}))
    assert len(list(folder.iterdir())) == 2
    write_pictures(tmp_path / "other", COUNT)
    (tmp_path / "other" / "5.png").replace(tmp_path / "pictures" / "0.png")
    assert epoch()[0] == 5
    assert epoch(pictures.take(3)) == [5, 1, 2]
    assert len(list(folder.iterdir())) == 4
    assert not list(folder.glob(".unfinished*"))


def test_a_failing_pass_leaves_no_cache_behind(pictures, tmp_path):
    (pictures.folder / "pictures" / "20.png").unlink()
    with pytest.raises(DataError, match="row 21"):
        mk.data.batches(pictures, model_parts(), cache=tmp_path / "cache", batch_size=5)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "at least 1. Received 0 and 10000"),
        ({"shuffle_window": 0}, "at least 1"),
        ({"on_error": "ignore"}, "one of raise, skip. Received 'ignore'"),
    ],
)
def test_options_out_of_range(pictures, options, message):
    with pytest.raises(ValueError, match=message):
        mk.data.batches(pictures, model_parts(), **options)


def test_missing_columns_are_named(pictures):
    parts = some_parts({"photo": PixelModality()}, {"subject": LabelHead()})
    with pytest.raises(ValueError, match=r"Received none for photo, subject; columns: image, text, topic"):
        mk.data.batches(pictures, parts)
    optional = some_parts({"photo": PixelModality(optional=True)})
    assert not next(iter(mk.data.batches(pictures, optional)))["photo_present"].numpy().any()


def test_fit_and_evaluate_take_the_batches(pictures):
    text = keras.Input((1,), name="text")
    image = keras.Input((8, 8, 3), name="image", dtype="uint8")
    pixels = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    answer = keras.layers.Dense(2, "softmax", name="topic")(keras.layers.Concatenate()([text, pixels]))
    model = keras.Model({"text": text, "image": image}, {"topic": answer})
    model.compile("sgd", {"topic": "sparse_categorical_crossentropy"})
    pipeline = mk.data.Pipeline(pictures, model_parts(), batch_size=5, shuffle=True, cache="memory")
    history = model.fit(pipeline.dataset(), epochs=3, verbose=0, shuffle=False)
    assert len(history.history["loss"]) == 3
    assert pipeline.epoch == 3
    assert np.isfinite(model.evaluate(pipeline.dataset(), verbose=0))


def test_raw_batches_have_values_origins_and_records(pictures):
    modalities = {"image": PixelModality(), "text": CountModality()}
    found = list(mk.data.raw_batches(pictures, modalities, 10))
    assert [len(batch) for batch in found] == [10, 10, 3]
    assert found[0].raw["text"].tolist()[:2] == [b"x", b"xx"]
    assert found[0].raw["image"][0].startswith(b"\x89PNG")
    assert found[2].origins[0].row == 21
    assert found[2].records[0]["topic"] == "a"
    skipped = []
    kept = list(mk.data.raw_batches(damage(pictures), modalities, 10, on_error="skip", skipped=skipped))
    assert [len(batch) for batch in kept] == [9, 8, 3]
    assert [entry["row"] for entry in skipped] == [8, 13, 16]
    with pytest.raises(DataError, match="row 8, field 'image': A picture is a file"):
        list(mk.data.raw_batches(pictures, modalities))


@pytest.mark.oldest
def test_real_components_on_real_records(tmp_path):
    clipart = mk.data.clipart().shard(0, 60)
    rows = [{**record, "image": str(clipart.folder / record["image"])} for record in clipart]
    records = mk.data.Records.of(rows, folder=tmp_path)
    optional = mk.TextModality(8, optional=True)
    modalities = {"title": mk.TextModality(8), "image": mk.ImageModality((32, 32)), "description": optional}
    model = mk.build_model(modalities, {"subject": mk.ClassificationHead()}, adapt_to=records)
    inputs, targets, weights = next(iter(mk.data.batches(records, model, batch_size=8)))
    assert sorted(inputs) == ["description", "description_present", "image", "title"]
    assert model(inputs)["subject"].shape == (8, len(set(records.values("subject"))))
    assert targets["subject"].shape == weights["subject"].shape == (8,)
    assert inputs["description_present"].numpy().tolist() == [row["description"] is not None for row in rows[:8]]
    (tmp_path / "broken.png").write_bytes((clipart.folder / rows[0]["image"]).read_bytes()[:200])
    rows[5] = {**rows[5], "image": "broken.png"}
    pipeline = mk.data.Pipeline(records, model)
    with pytest.raises(DataError, match=r"<memory>, row 6, field 'image': .*Received 'broken.png'"), pipeline.errors():
        list(pipeline.dataset())
    skipping = mk.data.Pipeline(records, model, on_error="skip", cache="memory")
    assert sum(len(inputs["title"]) for inputs, _, _ in skipping.dataset()) == len(rows) - 1
    assert [(entry["row"], entry["field"]) for entry in skipping.skipped] == [(6, "image")]
