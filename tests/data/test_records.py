import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import multimodal_keras as mk
from multimodal_keras.data.digest import digest
from multimodal_keras.errors import Origin
from multimodal_keras.runtime.rows import clean

ROWS = [{"text": f"number {number}", "split": "test" if number % 5 == 0 else "train"} for number in range(10)]


@pytest.fixture
def records():
    return mk.data.Records.of(ROWS)


@pytest.mark.oldest
def test_records_can_be_read_again_and_again(records):
    assert list(records) == list(records) == ROWS
    assert len(records) == 10
    assert records.fields == ["text", "split"]
    assert records.folder is None


def test_rows_count_from_one(records):
    assert [origin for origin, _ in records.rows()][:2] == [Origin("<memory>", 1), Origin("<memory>", 2)]


def test_where_keeps_equal_cells_and_their_origins(records):
    test = records.where(split="test")
    assert [(origin.row, record["text"]) for origin, record in test.rows()] == [(1, "number 0"), (6, "number 5")]
    assert len(test) == 2
    assert list(test.where(text="number 5")) == [ROWS[5]]


def test_where_takes_a_number_for_its_text_and_bytes_for_text():
    records = mk.data.Records.of([{"n": "1", "b": b"x"}, {"n": 1, "b": "x"}, {"n": None, "b": None}])
    assert len(records.where(n=1)) == 2
    assert len(records.where(b="x")) == 2
    assert len(records.where(n=None)) == 1


def test_where_refuses_a_column_that_no_record_has(records):
    with pytest.raises(ValueError, match=r"Received 'spilt'. Columns: text, split"):
        list(records.where(spilt="test"))
    assert list(records.take(0).where(spilt="test")) == []


def test_take_and_shards_partition_the_records(records):
    assert list(records.take(3)) == ROWS[:3]
    shards = [list(records.shard(index, 3)) for index in range(3)]
    assert shards[1] == [ROWS[1], ROWS[4], ROWS[7]]
    assert sorted(record["text"] for shard in shards for record in shard) == sorted(row["text"] for row in ROWS)
    assert [records.shard(index, 3).known_length for index in range(3)] == [4, 3, 3]


@pytest.mark.parametrize(("index", "count"), [(-1, 2), (2, 2), (0, 0)])
def test_shard_refuses_an_index_out_of_range(records, index, count):
    with pytest.raises(ValueError, match="from 0 to count - 1"):
        records.shard(index, count)


def test_take_refuses_a_negative_count(records):
    with pytest.raises(ValueError, match="0 or more"):
        records.take(-1)


def test_values_stream_one_column(records):
    assert list(records.values("split"))[:2] == ["test", "train"]
    with pytest.raises(ValueError, match="Received 'topic'"):
        list(records.values("topic"))


def test_cells_are_clean():
    assert [clean(cell) for cell in (None, "", b"", float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT)] == [
        None
    ] * 8
    assert [clean(cell) for cell in ("a", 0, np.int64(3), False, [])] == ["a", 0, 3, False, []]
    assert type(clean(np.int64(3))) is int


def test_to_frame_and_back(records):
    assert list(mk.data.read(records.to_frame())) == ROWS
    assert list(records.take(0).to_frame().columns) == ["text", "split"]


def test_addition_streams_both(records):
    both = records + mk.data.Records.of([{"topic": "x"}])
    assert len(list(both)) == len(both) == 11
    assert both.fields == ["text", "split", "topic"]


def test_addition_refuses_two_folders(records, tmp_path):
    with pytest.raises(ValueError, match="one base folder"):
        records + mk.data.Records.of(ROWS, folder=tmp_path)


def test_of_refuses_what_is_no_dict():
    with pytest.raises(TypeError, match="Received str as number 2"):
        mk.data.Records.of([{}, "a"])


def test_fingerprint_depends_on_content_and_order_only(records):
    assert records.fingerprint() == mk.data.Records.of([dict(reversed(row.items())) for row in ROWS]).fingerprint()
    assert records.fingerprint() != mk.data.Records.of(ROWS[::-1]).fingerprint()
    assert records.fingerprint() != mk.data.Records.of([*ROWS[:9], {**ROWS[9], "text": "x"}]).fingerprint()
    assert records.fingerprint() != records.take(9).fingerprint()


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, "1"), ("a", b"a"), (["a", "b"], ["ab"]), ({"a": "bc"}, {"ab": "c"}), (np.zeros(4), np.zeros((2, 2)))],
)
def test_digests_tell_similar_values_apart(one, other):
    assert digest(one) != digest(other)


def test_digest_passes_over_empty_cells():
    assert digest({"a": 1, "b": None}) == digest({"a": 1})
    assert digest({"a": np.int64(1)}) == digest({"a": 1})


def test_fingerprint_is_the_same_in_another_process_without_tensorflow(records):
    code = (
        "import sys, multimodal_keras as mk\n"
        f"print(mk.data.Records.of({ROWS!r}).fingerprint())\n"
        "print('tensorflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [records.fingerprint(), "False"]


@pytest.mark.oldest
def test_clipart_has_what_it_promises():
    clipart = mk.data.clipart()
    assert clipart.fields == ["image", "title", "description", "subject", "split", "colourful", "group"]
    first = next(iter(clipart.where(split="train")))
    assert (clipart.folder / first["image"]).exists()
    assert len(clipart.where(split="train")) > len(clipart.where(split="test")) > 0
