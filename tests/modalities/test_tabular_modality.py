"""Tables: what is learned from records, and the numbers that the device half makes."""

from __future__ import annotations

import math

import keras
import numpy as np
import pandas
import pytest

import multimodal_keras as mk
from multimodal_keras.base import FeatureColumn
from multimodal_keras.cli import main
from multimodal_keras.runtime.statistics import Moments


def adapted(columns, rows, **options):
    modality = mk.TabularModality(columns, **options)
    modality.adapt(rows)
    return modality


def features(modality, *rows):
    """What the encoder gets for records."""
    raw = [modality.read(row) for row in rows]
    return modality(modality.decode(np.array(raw).tolist())[0]).numpy()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["true", "No", None], "boolean"),
        ([True, False], "boolean"),
        (["1", "0"], "number"),
        ([1, 0.5, "-3e2"], "number"),
        (["2024-01-31", "2024-02-01T10:00"], "date"),
        (["2024-01-31", "soon"], "category"),
        (["1", "2", "x"], "category"),
        ([None, "", math.nan], "number"),
    ],
)
def test_kinds_are_found_from_cells(cells, kind):
    [column] = adapted(["c"], [{"c": cell} for cell in cells]).described
    assert column.kind == kind
    assert column.is_adapted


def test_a_late_cell_changes_the_kind_and_nothing_is_lost():
    rows = [{"c": number % 3} for number in range(3000)] + [{"c": "x"}, {"c": "x"}]
    [column] = adapted(["c"], rows).described
    assert (column.kind, column.vocabulary) == ("category", ("0", "1", "2", "x"))


def test_frequent_texts_have_ids_and_rare_ones_are_unseen():
    rows = [{"c": text} for text in ["b", "b", "a", "a", "a", "d", "d", "c", "", None]]
    modality = adapted({"c": "category"}, rows)
    assert modality.described[0].vocabulary == ("a", "b", "d")
    assert features(modality, {"c": "a"}, {"c": "c"}, {"c": None}, {"c": "zebra"}, ["d"]).tolist() == [
        [2],
        [1],
        [0],
        [1],
        [4],
    ]
    assert adapted({"c": "category"}, rows, vocabulary_size=4).described[0].vocabulary == ("a", "b")
    assert adapted({"c": "category"}, rows, least_count=1).described[0].vocabulary == ("a", "b", "d", "c")
    assert adapted({"c": "category"}, rows, least_count=9).described[0].vocabulary == ()
    assert modality.feature_spec().columns == (FeatureColumn(1, 5),)


def test_numbers_are_normalised_by_what_was_learned_and_missing_ones_marked():
    modality = adapted(
        {"a": "number", "b": "boolean"}, [{"a": 10, "b": True}, {"a": 20, "b": False}, {"a": None}], clip=3.0
    )
    found = features(modality, {"a": 20, "b": "yes"}, {"a": None, "b": None}, {"a": 1e30, "b": 0})
    np.testing.assert_allclose(found, [[1, 0, 1, 0], [0, 1, 0, 1], [3, 0, -1, 0]], atol=1e-6)


@pytest.mark.parametrize(("cells", "mean"), [([7.1] * 3000, 7.1), ([None] * 5, 0.0)])
def test_constant_and_empty_columns_are_zero(cells, mean):
    modality = adapted({"a": "number"}, [{"a": cell} for cell in cells])
    assert (modality.described[0].mean, modality.described[0].deviation) == (mean, 1.0)
    np.testing.assert_allclose(features(modality, {"a": mean}, {"a": None}), [[0, 0], [0, 1]], atol=1e-6)


def test_moments_are_those_of_numpy_far_from_zero():
    numbers = 1e9 + np.random.default_rng(0).normal(size=10_007)
    moments = Moments()
    for start in range(0, len(numbers), 1024):
        moments.update(np.append(numbers[start : start + 1024], np.nan))
    np.testing.assert_allclose(moments.result(), (numbers.mean(), numbers.std()), rtol=1e-12)


def test_dates_go_round_and_on():
    rows = [{"d": f"{year}-07-01"} for year in range(2000, 2021)]
    modality = adapted({"d": "date"}, rows)
    [[value, *waves, missing], absent] = features(modality, {"d": "2010-07-01T06:00"}, {"d": None})
    assert value == pytest.approx((6 / 24 / 31 / 12) / np.std(np.arange(21)), abs=1e-6)
    turns = np.array([6 / 12, 0 / 31, 3 / 7, 6 / 24]) * 2 * np.pi
    np.testing.assert_allclose(waves, [*np.sin(turns), *np.cos(turns)], atol=1e-6)
    assert (missing, absent.tolist()) == (0, [0] * 9 + [1])


def test_float32_keeps_hours_apart_in_one_week():
    rows = [{"d": f"2024-03-0{day}T{hour:02}:00"} for day in range(1, 8) for hour in range(24)]
    values = features(adapted({"d": "date"}, rows), *rows)[:, 0]
    assert (np.diff(values) > 0).all()
    assert abs(values.mean()) < 1e-3


def test_any_garbage_from_a_device_is_an_id():
    modality = mk.TabularModality([{"name": "c", "kind": "category", "vocabulary": ["a", "b"]}])
    garbage = np.array([[np.nan], [-5], [99], [np.inf], [-np.inf], [2]], np.float32)
    assert modality(garbage).numpy()[:, 0].tolist() == [0, 0, 3, 3, 0, 2]


def test_cells_are_dropped_while_training_only():
    rows = [{"a": number, "c": "x"} for number in range(400)]
    modality = adapted({"a": "number", "c": "category"}, rows, cell_dropout=0.5)
    tensor = modality.decode([modality.read(row).tolist() for row in rows])[0]
    kept, dropped = modality(tensor).numpy(), modality(tensor, training=True).numpy()
    assert kept[:, 1].sum() == 0
    missing = dropped[:, 1] == 1
    assert 120 < missing.sum() < 280
    assert 120 < (dropped[:, 2] == 0).sum() < 280
    np.testing.assert_array_equal(dropped[missing, 0], 0)
    np.testing.assert_array_equal(dropped[~missing, 0], kept[~missing, 0])


def test_half_precision_keeps_ids_and_large_numbers():
    columns = [
        {"name": "a", "kind": "number", "mean": 1e6, "deviation": 1e5},
        {"name": "c", "kind": "category", "vocabulary": [str(number) for number in range(5000)]},
    ]
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = mk.build_model(
            {"t": mk.TabularModality(columns, optional=True)}, {"y": mk.ClassificationHead(labels=["n", "p"])}
        )
    finally:
        keras.config.set_dtype_policy("float32")
    inputs = {"t": np.array([[1.1e6, 4999], [1.1e6, 4998]], np.float32), "t_present": np.array([True, True])}
    found = keras.Model(model.input, mk.parts(model).modalities["t"].output)(inputs).numpy()
    assert found.tolist() == [[1.0, 0.0, 4999.0], [1.0, 0.0, 4998.0]]
    answers = model(inputs)["y"].numpy()
    assert np.isfinite(answers).all()
    assert not np.array_equal(*answers)


def test_frames_of_pandas_are_tables():
    frame = pandas.DataFrame(
        {
            "age": pandas.array([30, None, 50], "Int64"),
            "since": pandas.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "y": ["n", "p", "n"],
        }
    )
    records = mk.data.read(frame)
    model = mk.build_model(
        {"t": mk.TabularModality(["age", "since"], optional=True)}, {"y": mk.ClassificationHead()}, adapt_to=records
    )
    described = mk.parts(model).modalities["t"].described
    assert [(column.kind, round(column.mean)) for column in described] == [("number", 40), ("date", 2024)]
    inputs, *_ = next(iter(mk.data.batches(records, model)))
    assert inputs["t_present"].numpy().tolist() == [True, False, True]
    assert inputs["t"].numpy()[2].tolist() == [50, 2024, 1, 3, 2, 0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"a": "text"}, "is one of number, category, boolean, date. Received 'text' for 'a'"),
        (["a", "a"], "Each column is named once. Received twice: a"),
        ({"a": {"kind": "number", "hash_buckets": 3}}, "Received hash_buckets for the column 'a'"),
        ({"a": {"kind": "category", "hash_buckets": 0}}, "hash_buckets is from 1"),
        ({"a": {"kind": "category", "hash_buckets": 3, "vocabulary": ["x"]}}, "Received both for 'a'"),
        ({"a": {"kind": "category", "vocabulary": ["x", " x"]}}, "holds texts, each once"),
        ({"a": {"kind": "number", "mean": 3}}, "A mean has a deviation above 0"),
        ({"a": {"kind": "number", "median": 3}}, "Received median for 'a'"),
        ([""], "A column has a name"),
    ],
)
def test_columns_are_checked(columns, said):
    with pytest.raises(ValueError, match=said):
        mk.TabularModality(columns)
    with pytest.raises(TypeError, match=r"Received 'age,city'. Pass a list"):
        mk.TabularModality("age,city")


def test_other_arguments_are_checked():
    for options in ({"vocabulary_size": 2}, {"least_count": 0}, {"clip": 0}, {"cell_dropout": 1}):
        with pytest.raises(ValueError, match=r"Received"):
            mk.TabularModality(["a"], **options)
    with pytest.raises(ValueError, match=r"A table has at least one column. Received none"):
        mk.TabularModality().adapt([])
    with pytest.raises(ValueError, match=r"knows too little about its columns. Received a"):
        mk.TabularModality(["a"]).decode([["1"]])
    with pytest.raises(ValueError, match=r"The column 'a' holds numbers .* Received 'x'"):
        adapted({"a": "number"}, [{"a": "x"}])


def test_encoders_of_tables_refuse_what_is_no_vector():
    for name in ("MLPEncoder", "FeatureTokenEncoder"):
        with pytest.raises(
            ValueError, match=rf"{name} cannot encode 't': {name} takes a vector of numbers. Received token ids"
        ):
            mk.build_model(
                {"t": mk.TextModality(vocabulary=["a"])},
                {"y": mk.RegressionHead(mean=0, deviation=1)},
                encoders={"t": name},
            )
        with pytest.raises(ValueError, match=r"takes a vector"):
            mk.get(name, mk.Encoder)(np.zeros((2, 3, 4), "float32"))
        with pytest.raises(ValueError, match=r"Columns of numbers come before ids"):
            mk.get(name, mk.Encoder, columns=[[1, 5], [2, None]])(np.zeros((2, 3), "float32"))
        assert mk.get(name, mk.Encoder)(np.zeros((2, 3), "float32")).shape[-1] == 64


def test_a_column_token_is_its_weighted_numbers():
    encoder = mk.FeatureTokenEncoder(4, layers=0, attention_heads=1, columns=[[2, None], [3, None], [3, None], [1, 5]])
    vector = np.array([[1, 2, 3, 4, 5, 6, 7, 8, 4]], "float32")
    tokens = encoder(vector).numpy()[0]
    weights, biases, table = (
        np.array(weight) for weight in (encoder._weights, encoder._biases, encoder._embedding.embeddings)
    )
    wanted = [vector[0, a:b] @ weights[a:b] for a, b in ((0, 2), (2, 5), (5, 8))] + [table[4]]
    wanted = np.array(wanted) + biases
    wanted = (wanted - wanted.mean(-1, keepdims=True)) / np.sqrt(wanted.var(-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(tokens, wanted, atol=1e-5)


def test_the_command_line_trains_on_columns(tmp_path, capsys):
    rows = ["age,city,y"] + [
        f"{20 + number},{'Rome' if number % 2 else ''},{'n' if number < 20 else 'p'}" for number in range(40)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    flags = ["--data", str(tmp_path / "rows.csv"), "--tabular", "age,city:category", "--classify", "y", "--epochs", "1"]
    assert main(["train", *flags, "--output", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["inspect", str(tmp_path / "run")]) == 0
    assert "age number, city category" in capsys.readouterr().out
    assert main(["train", *flags[:3], "age:text", *flags[4:], "--output", str(tmp_path / "other")]) == 2
    assert "The kind of a column is one of" in capsys.readouterr().err
