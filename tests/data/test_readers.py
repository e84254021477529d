import json

import numpy as np
import pandas as pd
import pytest

import multimodal_keras as mk
from multimodal_keras.errors import DataError

RECORDS = [
    {"text": 'a "quoted", cat', "topic": "animals"},
    {"text": "two\nlines", "topic": None},
    {"text": None, "topic": "大猫"},
]


def write_csv(path):
    pd.DataFrame(RECORDS).to_csv(path, index=False)
    return path


def write_csv_with_mark(path):
    pd.DataFrame(RECORDS).to_csv(path, index=False, encoding="utf-8-sig")
    return path


def write_tsv(path):
    pd.DataFrame(RECORDS).to_csv(path.with_suffix(".tsv"), index=False, sep="\t")
    return path.with_suffix(".tsv")


def write_jsonl(path):
    lines = [json.dumps(record) for record in RECORDS]
    path.with_suffix(".jsonl").write_text("\ufeff" + "\n\n".join(lines) + "\n", "utf-8")
    return path.with_suffix(".jsonl")


def write_parquet(path):
    pd.DataFrame(RECORDS).to_parquet(path.with_suffix(".parquet"), row_group_size=2)
    return path.with_suffix(".parquet")


def write_tfrecord(path):
    import tensorflow as tf

    path = path.with_suffix(".tfrecord")
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            features = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[(cell or "").encode()]))
                for name, cell in record.items()
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path


def as_frame(_):
    return pd.DataFrame(RECORDS)


def as_columns(_):
    return {name: [record[name] for record in RECORDS] for name in ("text", "topic")}


def as_list(_):
    return RECORDS


def as_records(_):
    return mk.data.Records.of(RECORDS)


MAKERS = [
    write_csv,
    write_csv_with_mark,
    write_tsv,
    write_jsonl,
    write_parquet,
    write_tfrecord,
    as_frame,
    as_columns,
    as_list,
    as_records,
]


@pytest.mark.oldest
@pytest.mark.parametrize("make", MAKERS)
def test_every_reader_gives_the_same_records(make, tmp_path):
    source = make(tmp_path / "records.csv")
    records = mk.data.read(source)
    for _ in range(2):
        found = [
            {name: cell.decode() if isinstance(cell, bytes) else cell for name, cell in record.items()}
            for record in records
        ]
        assert found == RECORDS
    assert records.fields == ["text", "topic"]
    assert len(records) == 3
    assert [origin.row for origin, _ in records.rows()] == [1, 2, 3]
    assert [record["text"] is None for record in records.where(topic="大猫")] == [True]
    if hasattr(source, "exists"):
        assert records.folder == tmp_path
        assert next(records.rows())[0].file == str(source)


def test_cells_of_csv_stay_strings(tmp_path):
    path = tmp_path / "records.csv"
    path.write_text("number,truth\r\n007,True\r\n\r\n1e3,\r\n", newline="")
    assert list(mk.data.read(path)) == [{"number": "007", "truth": "True"}, {"number": "1e3", "truth": None}]


def test_values_of_other_formats_keep_their_types(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"n": 1, "x": NaN, "l": [1, 2], "later": null}\n{"later": 0.5}')
    assert list(mk.data.read(path)) == [{"n": 1, "x": None, "l": [1, 2], "later": None}, {"later": 0.5}]
    assert mk.data.read(path).fields == ["n", "x", "l", "later"]


def test_tfrecord_features(tmp_path):
    tf = pytest.importorskip("tensorflow")
    path = tmp_path / "records.tfrecord"
    features = {
        "score": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5])),
        "sizes": tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2])),
        "empty": tf.train.Feature(),
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"\x89PNG"])),
    }
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
        writer.write(b"\xff\xff")
    records = mk.data.read(path)
    assert next(iter(records)) == {"empty": None, "image": b"\x89PNG", "score": 0.5, "sizes": [1, 2]}
    with pytest.raises(DataError, match=r"records.tfrecord, row 2: A record is a tf.train.Example"):
        list(iter(records))


def test_damaged_tfrecord_names_the_row(tmp_path):
    path = write_tfrecord(tmp_path / "records.csv")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"row 3: The file is damaged from here on"):
        list(iter(mk.data.read(path)))


def test_class_folders(tmp_path):
    for name in ("dog/1.png", "dog/1.txt", "cat/2.png", "cat/3.txt", "cat/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"\ufeffa {name}", "utf-8")
    records = mk.data.read(tmp_path)
    assert list(records) == [
        {"image": "cat/2.png", "text": None, "label": "cat"},
        {"image": None, "text": "a cat/3.txt", "label": "cat"},
        {"image": "dog/1.png", "text": "a dog/1.txt", "label": "dog"},
    ]
    assert records.fields == ["image", "text", "label"]
    assert records.folder == tmp_path
    renamed = mk.data.read(tmp_path / "..", format="folder", file_field="audio", label_field="topic")
    assert renamed.fields[0] == "audio"
    assert renamed.fields[-1] == "topic"


def test_class_folders_of_texts_alone(tmp_path):
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "1.txt").write_text("fine")
    (tmp_path / "good" / "2.txt").write_bytes(b"\xff")
    records = mk.data.read(tmp_path)
    assert next(iter(records)) == {"text": "fine", "label": "good"}
    with pytest.raises(DataError, match=r"row 2, field 'text': A .txt file is UTF-8 text. Received '2.txt'"):
        list(iter(records))


def test_folder_without_classes(tmp_path):
    with pytest.raises(DataError, match="a folder for each class"):
        mk.data.read(tmp_path)


def test_arrays_of_pixels():
    pixels = np.arange(2 * 4 * 4 * 3, dtype="uint8").reshape(2, 4, 4, 3)
    records = mk.data.read({"image": pixels, "n": np.array([1, 2])})
    first = next(iter(records))
    assert first["image"].shape == (4, 4, 3)
    assert type(first["n"]) is int
    assert records.fingerprint() != mk.data.read({"image": pixels + 1, "n": [1, 2]}).fingerprint()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            b"x,y\n1,2\n1,2,3\n",
            r"a.csv, row 2: A row has one cell for each of the 2 columns \(x, y\). Received 3",
        ),
        ("a.csv", b"x,y\n1,2\n1\n", r"a.csv, row 2: .*Received 1"),
        ("a.csv", b"x,y\n1,2\n\xff,2\n", r"a.csv, row 2: Text is UTF-8. Received the byte 0xff as number 1"),
        ("a.csv", b'x,y\n1,2\n"1"2,3\n', r"a.csv, row 2: A row is valid CSV"),
        ("a.csv", b'x,y\n1,2\n"1,3\n', r"a.csv, row 2: A row is valid CSV. Received unexpected end of data"),
        ("a.csv", b"x,x\n1,2\n", r"a.csv, header: .*each name once. Received \['x', 'x'\]"),
        ("a.csv", b"", r"a.csv, header: .*Received \[\]"),
        ("a.csv", b"\xff\n", r"a.csv, header: Text is UTF-8"),
        ("a.jsonl", b'{"x": 1}\n\n{"x": 1', r"a.jsonl, row 2: .*Received bad JSON"),
        ("a.jsonl", b'{"x": 1}\n[1]', r"a.jsonl, row 2: .*Received list"),
        ("a.jsonl", b'{"x": 1}\n{"x": "\xe4"}', r"a.jsonl, row 2: Text is UTF-8. Received the byte 0xe4 as number 8"),
        ("a.parquet", b"nothing", r"a.parquet: this is no readable Parquet file"),
    ],
)
def test_malformed_files_name_file_and_row(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(iter(mk.data.read(tmp_path / name)))


def test_reading_goes_on_after_a_malformed_row(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'x,y\n1,2\n\xff,2\n"1"2,3\n3,4\n1\n5,6\n')
    attempts = list(mk.data.read(tmp_path / "a.csv").attempts())
    assert [origin.row for origin, _ in attempts] == [1, 2, 3, 4, 5, 6]
    assert [isinstance(record, dict) for _, record in attempts] == [True, False, False, True, False, True]


@pytest.mark.oldest
def test_missing_file_and_unknown_format(tmp_path):
    with pytest.raises(DataError, match="There is no such file or folder"):
        mk.data.read(tmp_path / "missing.csv")
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(ValueError, match=r"one of csv, tsv, jsonl, parquet, tfrecord, folder. Received 'xlsx'"):
        mk.data.read(tmp_path / "a.xlsx")
    with pytest.raises(ValueError, match="for folders, the others for files"):
        mk.data.read(tmp_path, format="csv")


def test_format_overrules_the_suffix(tmp_path):
    (tmp_path / "a.data").write_text("x\n1\n")
    assert list(mk.data.read(str(tmp_path / "a.data"), format="csv")) == [{"x": "1"}]


def test_sources_of_another_kind():
    with pytest.raises(TypeError, match="has to become a list first"):
        mk.data.read(iter([]))
    with pytest.raises(TypeError, match="are for paths"):
        mk.data.read([], format="csv")
    with pytest.raises(ValueError, match=r"Columns have one length. Received a: 1, b: 2"):
        mk.data.read({"a": [1], "b": [1, 2]})
    with pytest.raises(ValueError, match="which are strings"):
        mk.data.read(pd.DataFrame([[1, 2]]))
