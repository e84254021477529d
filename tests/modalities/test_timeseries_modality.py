"""Time series to tensors, alike with and without TensorFlow; what is normalised, masked and augmented."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.raw import is_absent, stacked

NAN = float("nan")
KIND = KINDS["timeseries"]


def series(**options):
    return mk.TimeSeriesModality(**{"steps": 4, "channels": 2, "mean": 0.0, "deviation": 1.0, **options})


def rows(count):
    return [[float(row), row + 0.5] for row in range(count)]


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        (rows(3), 3),
        (rows(1), 1),
        (np.array(rows(3)), 3),
        (rows(2) + [[NAN, NAN]] * 9, 2),
        ([[NAN, NAN], [None, 1.5]], 2),
        ([[1, 2], [3, 4]], 2),
    ],
)
def test_what_a_record_may_hold(value, steps):
    read = series().read(value)
    assert read.shape == (steps, 2)
    assert read.dtype == np.float32


@pytest.mark.parametrize("value", [None, [], NAN, "", [[NAN, None]], np.empty((0, 2)), np.empty((0,))])
def test_nothing_measured_is_missing(value):
    assert series().read(value) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1.0, np.inf]], "infinity in step 1"),
        ([[1.0, 2.0], [1e39, 0.0]], "infinity in step 2"),
        ([[1.0, 2.0, 3.0]], r"shape \(steps, 2 channels\). Received \(1, 3\)"),
        ([1.0, 2.0], r"Received \(2, 1\)"),
        (np.zeros((1, 2, 2)), r"Received \(1, 2, 2\)"),
        ([[1.0, 2.0], [3.0]], "as many in each step"),
        ([["a", "b"]], "holds numbers"),
        (b"bytes", "holds numbers"),
        ([[10**400, 1]], "holds numbers"),
        (7, r"Received \(\)"),
        ({"x": [1.0], "y": [2.0]}, "none is named"),
        ("missing.npy", "cannot be read"),
        ("series.txt", "is .npy or .csv"),
    ],
)
def test_what_it_may_not_hold(value, message):
    with pytest.raises(ValueError, match=message):
        series().read(value)


def test_columns_by_name(tmp_path):
    named = series(channels=["x", "y"])
    expected = np.array([[1, 2], [NAN, 4]], np.float32)
    np.testing.assert_array_equal(named.read({"y": [2, 4], "x": [1, None], "time": [0, 1]}), expected)
    (tmp_path / "a.csv").write_text("time,y,x\n0,2,1\n1,4,\n", encoding="utf-8")
    np.testing.assert_array_equal(named.read("a.csv", tmp_path), expected)
    with pytest.raises(ValueError, match=r"Received time, x\."):
        named.read({"time": [1], "x": [2]})
    with pytest.raises(ValueError, match="equally long"):
        named.read({"x": [1, 2], "y": [1]})
    (tmp_path / "b.csv").write_text("time,y\n0,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="header lacks x; it has time, y"):
        named.read("b.csv", tmp_path)


def test_files(tmp_path):
    np.save(tmp_path / "a.npy", np.array(rows(3)))
    (tmp_path / "a.csv").write_text("0,0.5\n1,1.5\n2,2.5\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("left,right\n0,0.5\n1,1.5\n2,2.5\n", encoding="utf-8")
    for name in ("a.npy", "a.csv", "b.csv"):
        np.testing.assert_array_equal(series().read(name, tmp_path), rows(3))
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:100])
    (tmp_path / "ragged.csv").write_text("1,2\n3\n", encoding="utf-8")
    (tmp_path / "words.csv").write_text("a,b\nc,d\n", encoding="utf-8")
    (tmp_path / "empty.npy").write_bytes(b"")
    for name in ("objects.npy", "cut.npy", "ragged.csv", "words.csv", "empty.npy"):
        with pytest.raises(ValueError, match=f"can be read from '{name}'"):
            series().read(name, tmp_path)


@pytest.mark.oldest
@pytest.mark.parametrize("keep", ["start", "end", "middle"])
def test_both_decoders_give_the_same(keep):
    random = np.random.default_rng(1)
    modality = series(keep=keep)
    facts = modality.contract()
    values = [random.normal(size=(length, 2)).astype("float32") for length in (1, 4, 5, 7, 12)]
    values[4][3:9] = NAN
    values[3][6] = NAN
    values += [np.full((2, 2), NAN, np.float32), np.empty((0, 2), np.float32)]
    batch = stacked(values, {"shape": [None, 2], "dtype": "float32"})
    tensor, present = (part.numpy() for part in modality.decode(tf.constant(batch)))
    np.testing.assert_array_equal(tensor, KIND.decoder(facts)(values))
    for row, value in enumerate(values):
        # Alone, and cropped when it is read, it is the same.
        alone, there = modality.decode(tf.constant(value[None]))
        np.testing.assert_array_equal(alone[0], tensor[row])
        read = KIND.read(value, None, facts)
        assert there[0] == present[row] == (not is_absent(read))
        if read is not None:
            np.testing.assert_array_equal(KIND.decoder(facts)([read])[0], tensor[row])


def test_what_is_kept_of_a_longer_series():
    batch = tf.constant([rows(7)])
    kept = {keep: series(keep=keep).decode(batch)[0][0, :, 0].numpy().tolist() for keep in ("start", "end", "middle")}
    assert kept == {"start": [0, 1, 2, 3], "end": [3, 4, 5, 6], "middle": [1, 2, 3, 4]}


def test_infinity_is_refused_in_the_graph_and_without():
    modality = series()
    with pytest.raises(tf.errors.InvalidArgumentError, match="finite numbers"):
        tf.function(modality.decode)(tf.constant([[[np.inf, 0.0]]]))
    with pytest.raises(ValueError, match="finite float32"):
        KIND.decoder(modality.contract())([np.array([[np.inf, 0.0]])])


def test_numbers_are_learned_without_the_gaps():
    modality = mk.TimeSeriesModality(steps=3)
    values = [[[1.0, 5.0, NAN]], [[3.0, 5.0, NAN], [NAN, 5.0, NAN], [8.0, 5.0, NAN], [1e6, 0.0, 0.0]], None]
    assert not modality.is_adapted
    modality.adapt(modality.read(value) for value in values)
    assert modality.is_adapted
    assert modality.channels == 3
    # Steps behind the third are not kept. A channel that never changes, or was never measured, has the deviation 1.
    np.testing.assert_allclose(modality.mean, [4.0, 5.0, 0.0])
    np.testing.assert_allclose(modality.deviation, [np.std([1, 3, 8]), 1, 1])
    with pytest.raises(ValueError, match="at least one record"):
        mk.TimeSeriesModality().adapt([None])


def test_many_small_numbers_around_a_large_mean_are_learned():
    values = 1e5 + np.random.default_rng(0).normal(size=(400, 1, 1))
    modality = mk.TimeSeriesModality(steps=1)
    modality.adapt(values)
    np.testing.assert_allclose(modality.deviation, [np.std(values.astype("float32"))], rtol=1e-4)


def test_gaps_get_the_mean_and_their_indicators():
    modality = series(mean=[1.0, 2.0], deviation=[2.0, 4.0], missing_indicators=True)
    features, mask = modality(np.array([[[3, NAN], [NAN, NAN], [NAN, 2], [NAN, NAN]]], "float32"))
    assert features[0].numpy().tolist() == [[1, 0, 0, 1], [0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert mask[0].numpy().tolist() == [True, True, True, False]
    nothing, mask = modality(np.full((1, 4, 2), NAN, "float32"))
    assert not nothing.numpy().any()
    assert not mask.numpy().any()


def test_large_numbers_survive_half_precision():
    modality = series(mean=1e5, deviation=10.0, dtype="mixed_float16")
    features, _ = modality(np.full((1, 4, 2), 1e5 + 20, "float32"))
    assert features.dtype == "float16"
    np.testing.assert_allclose(features, 2.0)


def test_augmentation_happens_while_training_only():
    keras.utils.set_random_seed(1)
    modality = series(steps=50, augmentation={"noise": 0.1, "scaling": 0.2})
    tensor = np.ones((40, 50, 2), "float32")
    tensor[:, 30:] = tensor[:, 5] = NAN
    calm, mask = modality(tensor)
    features, mask_while_training = modality(tensor, training=True)
    np.testing.assert_array_equal(mask, mask_while_training)
    np.testing.assert_array_equal(calm.numpy() == 0, np.isnan(tensor))
    found = features.numpy()
    assert not found[np.isnan(tensor)].any()
    kept = found[~np.isnan(tensor)].reshape(40, 29, 2)
    # Within a channel only the noise varies, between them the factor.
    assert 0.09 < kept.std(axis=1).mean() < 0.11
    assert 0.15 < kept.mean(axis=1).std() < 0.25


def test_a_shift_leaves_out_the_first_steps():
    keras.utils.set_random_seed(1)
    modality = series(steps=6, channels=1, augmentation={"shift": 3})
    tensor = np.arange(6, dtype="float32")[None, :, None].repeat(60, 0)
    tensor[30:, 2:] = NAN
    features, mask = (part.numpy() for part in modality(tensor, training=True))
    seen = {tuple(row[there].ravel().tolist()) for row, there in zip(features, mask, strict=True)}
    assert seen == {(0, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5), (2, 3, 4, 5), (3, 4, 5), (0, 1), (1,)}
    assert not features[~mask].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "at least 1"),
        ({"channels": []}, "at least 1"),
        ({"keep": "some"}, "keep is one of"),
        ({"mean": [1.0, 2.0, 3.0]}, "for each of the 2 channels"),
        ({"deviation": 0.0}, "above 0"),
        ({"augmentation": {"warp": 1}}, "dict of noise, scaling, shift"),
        ({"augmentation": {"shift": 4}}, "below 4"),
        ({"augmentation": {"noise": -1}}, "0 or more"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        series(**options)


def test_it_says_what_it_does_not_know():
    with pytest.raises(ValueError, match="does not know its channels"):
        mk.TimeSeriesModality().tensor_spec()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a.npy", "array of steps"),
        ([["1", 2]], "holds numbers, or null"),
        ([[True, 2]], "Received bool"),
        ([[[1], [2]]], "Received list"),
        ([[1, 2], 3], "as many in each step"),
        ([[1, 2, 3]], "Received"),
        ({"x": [1]}, "Received x"),
        ({"x": {}}, "Received x|holds numbers"),
    ],
)
def test_what_a_client_may_not_send(value, message):
    with pytest.raises(ValueError, match=message):
        KIND.parse(value, series().contract())


def test_a_client_sends_null_for_a_gap():
    facts = series(channels=["x", "y"]).contract()
    expected = np.array([[1, NAN], [2, 3]], np.float32)
    np.testing.assert_array_equal(KIND.parse([[1, None], [2, 3.0]], facts), expected)
    np.testing.assert_array_equal(KIND.parse({"y": [None, 3], "x": [1, 2]}, facts), expected)
    assert is_absent(KIND.parse([], facts))
    assert is_absent(KIND.parse([[None, NAN]], facts))
    assert KIND.parse([[1, 2]] * 1000, facts).shape == (4, 2)


def test_a_made_up_value_is_one():
    facts = series(mean=[5.0, 100.0], deviation=[1.0, 10.0]).contract()
    value = KIND.sample(facts, 3)
    assert value.shape == (4, 2)
    assert np.isfinite(KIND.decoder(facts)([value])).all()
