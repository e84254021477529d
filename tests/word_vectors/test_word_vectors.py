"""Word vectors: every format, every damage by its line, the encoders that begin with them, and vectors of one's own."""

from __future__ import annotations

import gzip
import struct

import contracts
import keras
import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.base import parts

WORDS = ["cat", "dog", "猫", "red", "caf\u00e9"]
VECTORS = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def lines(words=WORDS, vectors=VECTORS, end=""):
    return [f"{word} {' '.join(map(str, vector))}{end}" for word, vector in zip(words, vectors, strict=True)]


def written(path, text):
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def binary(path, words=WORDS, vectors=VECTORS, end=b"\n"):
    content = b"%d %d\n" % vectors.shape
    for word, vector in zip(words, vectors, strict=True):
        content += word.encode() + b" " + struct.pack("<4f", *vector) + end
    path.write_bytes(content)
    return path


@pytest.fixture
def files(tmp_path):
    plain = written(tmp_path / "glove.txt", lines())
    (tmp_path / "glove.txt.gz").write_bytes(gzip.compress(plain.read_bytes()))
    return {
        "glove": plain,
        "gzip": tmp_path / "glove.txt.gz",
        "word2vec": written(tmp_path / "word2vec.txt", ["5 4", *lines()]),
        "fasttext": written(tmp_path / "fasttext.vec", ["5 4", *lines(end=" ")]),
        "binary": binary(tmp_path / "vectors.bin"),
        "binary of gensim": binary(tmp_path / "gensim.bin", end=b""),
    }


@pytest.mark.parametrize("name", ["glove", "gzip", "word2vec", "fasttext", "binary", "binary of gensim"])
def test_every_format_is_read(files, name):
    vectors = mk.WordVectors.read(files[name])
    assert list(vectors.words) == WORDS
    np.testing.assert_array_equal(vectors.vectors, VECTORS)
    some = mk.WordVectors.read(files[name], vocabulary=["猫", "dog", "unseen"])
    assert list(some.words) == ["dog", "猫"]
    np.testing.assert_array_equal(some.vectors, VECTORS[1:3])


def test_gensim_reads_what_is_written_and_the_other_way_round(files, tmp_path):
    models = pytest.importorskip("gensim.models")
    mk.WordVectors.read(files["glove"]).write(tmp_path / "ours.txt")
    theirs = models.KeyedVectors.load_word2vec_format(str(tmp_path / "ours.txt"))
    np.testing.assert_array_equal(theirs["猫"], VECTORS[2])
    theirs.save_word2vec_format(str(tmp_path / "theirs.bin"), binary=True)
    np.testing.assert_array_equal(mk.WordVectors.read(tmp_path / "theirs.bin").vectors, VECTORS)


def test_words_with_spaces_and_long_binaries(tmp_path):
    spaced = written(tmp_path / "glove.txt", [*lines(), ". . . 1 2 3 4"])
    assert mk.WordVectors.read(spaced).words[-1] == ". . ."
    many = [f"word{number}" for number in range(70_000)]
    vectors = np.random.default_rng(1).normal(size=(70_000, 4)).astype("float32")
    found = mk.WordVectors.read(binary(tmp_path / "many.bin", many, vectors))
    assert list(found.words) == many
    np.testing.assert_array_equal(found.vectors, vectors)


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        (lines(), "word2vec", "line 1: no header of two numbers"),
        ([*lines(), "short 1 2"], "auto", "line 6: 2 numbers instead of 4"),
        ([*lines(), "long 1 2 3 4 5"], "auto", "line 6: 5 numbers instead of 4"),
        ([*lines(), "odd 1 2 x 4"], "auto", "line 6: something that is no number for 'odd'"),
        ([*lines(), "odd 1 2 nan 4"], "auto", "line 6: NaN or infinity for 'odd'"),
        ([*lines(), "cat 1 2 3 4"], "auto", "line 6: the word 'cat' again"),
        (["7 4", *lines()], "auto", "line 6: the end after 5 words, where line 1 says 7"),
        (["lonely"], "auto", "line 1: no numbers behind a word"),
        (lines(), "binary", "its start: no header"),
        (lines(), "bin", "format is one of"),
    ],
)
def test_damage_is_named_by_its_line(tmp_path, text, form, message):
    with pytest.raises(ValueError, match=message):
        mk.WordVectors.read(written(tmp_path / "vectors.txt", text), format=form)


def test_damaged_binaries_are_named_by_the_word(tmp_path):
    path = binary(tmp_path / "vectors.bin")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="word 5 of 5: the end of the file"):
        mk.WordVectors.read(path)
    path = binary(tmp_path / "more.bin")
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ValueError, match="after word 5: more than the header says"):
        mk.WordVectors.read(path)


def test_what_cannot_be_is_refused(files, tmp_path):
    with pytest.raises(ValueError, match="none of the 1 words of the vocabulary"):
        mk.WordVectors.read(files["glove"], vocabulary=["unseen"])
    with pytest.raises(ValueError, match="where there is none"):
        mk.WordVectors.read(tmp_path / "nowhere.txt")
    with pytest.raises(ValueError, match="'subword' looks at all words"):
        mk.WordVectors.read(files["glove"], vocabulary=["cat"], missing="subword")
    with pytest.raises(ValueError, match="3 words, 2 of them different"):
        mk.WordVectors(["a", "b", "a"], np.zeros((3, 2)))
    with pytest.raises(ValueError, match="missing is one of"):
        mk.WordVectors(["a"], np.zeros((1, 2)), missing="mean")


def test_what_a_missing_token_gets():
    words = ["cats", "catch", "dog"]
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    zero, random, subword = (mk.WordVectors(words, vectors, missing=how) for how in ("zero", "random", "subword"))
    tokens = ["dog", "cat", "xyz"]
    assert zero.matrix(tokens).tolist() == [[5, 5], [0, 0], [0, 0]]
    np.testing.assert_array_equal(random.matrix(tokens), random.matrix(tokens))
    assert np.abs(random.matrix(tokens)[1] - random.matrix(tokens)[2]).max() > 0
    assert random.matrix(tokens)[0].tolist() == [5, 5]
    # "<cat>" shares "<ca", "cat" and "<cat" with both other words alike, and nothing else.
    np.testing.assert_allclose(subword.matrix(tokens), [[5, 5], [0.5, 0.5], [0, 0]])
    assert str(zero.coverage(tokens)) == "1 of 3 tokens have a vector (33.3%); not cat, xyz"


def model_with(encoder, **arguments):
    return mk.build_model(
        {"title": mk.TextModality(5, **{"vocabulary": ["red", "fish", "猫"], **arguments})},
        {"task": mk.ClassificationHead(labels=["a", "b"])},
        encoders={"title": encoder},
    )


@pytest.mark.parametrize(
    "name", ["EmbeddingEncoder", "LSTMEncoder", "GRUEncoder", "Conv1DEncoder", "TransformerEncoder"]
)
@pytest.mark.parametrize("train", [True, False])
def test_encoders_begin_with_them(files, name, train):
    encoder = contracts.get(name, mk.Encoder, embeddings=str(files["glove"]), train_embeddings=train)
    model = model_with(encoder)
    found = parts(model).encoders["title"]
    table = next(variable for variable in found.variables if "embedding" in variable.path and variable.shape[0] == 5)
    assert table.shape == (5, 4)
    np.testing.assert_array_equal(table.numpy()[[2, 4]], VECTORS[[3, 2]])
    assert not table.numpy()[0].any()
    assert any(variable is table for variable in found.trainable_variables) == train
    assert found.coverage.missing == ("fish",)
    assert encoder.embeddings == str(files["glove"])  # a template stays as it is


def test_a_reloaded_model_needs_the_file_no_more(files, tmp_path):
    model = model_with(mk.LSTMEncoder(3, embeddings=mk.WordVectors.read(files["binary"]), train_embeddings=False))
    ids = {"title": np.array([[2, 3, 4, 1, 0]], "int32")}
    model.save(tmp_path / "model.keras")
    files["binary"].unlink()
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(ids)["task"], model(ids)["task"])
    assert len(again.trainable_variables) == len(model.trainable_variables) == 5


def test_encoders_without_words_refuse_them(files):
    with pytest.raises(ValueError, match="Word vectors belong to a field of words"):
        model_with(mk.LSTMEncoder(3, embeddings=str(files["glove"])), unit="byte", vocabulary=None)
    with pytest.raises(ValueError, match="none of the 1 words"):
        model_with(mk.LSTMEncoder(3, embeddings=str(files["glove"])), vocabulary=["unseen"])
    with pytest.raises(ValueError, match="1 words; none of the 1 tokens"):
        model_with(mk.LSTMEncoder(3, embeddings=mk.WordVectors(["a"], np.zeros((1, 2)))), vocabulary=["unseen"])


CORPUS = [
    f"the {animal} eats {food} at {place}"
    for animal in ("cat", "dog", "猫")
    for food in ("fish", "meat")
    for place in ("home", "night")
]
CORPUS += [f"a {colour} car drives to {town}" for colour in ("red", "blue") for town in ("rome", "paris", "bern")]


@pytest.mark.parametrize("algorithm", ["skip_gram", "cbow"])
def test_own_vectors_know_what_stands_together(algorithm):
    pytest.importorskip("gensim")
    vectors = mk.WordVectors.train(CORPUS * 20, width=16, algorithm=algorithm, epochs=30, window=3, sample=0)
    again = mk.WordVectors.train(CORPUS * 20, width=16, algorithm=algorithm, epochs=30, window=3, sample=0)
    np.testing.assert_array_equal(vectors.vectors, again.vectors)
    assert vectors.width == 16
    assert {"猫", "cat", "red"} < set(vectors.words)

    def likeness(one, other):
        a, b = vectors.matrix([one, other])
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert likeness("cat", "dog") > likeness("cat", "rome") + 0.2
    assert likeness("rome", "paris") > likeness("rome", "fish") + 0.2


def test_own_vectors_need_words_and_a_known_algorithm():
    pytest.importorskip("gensim")
    with pytest.raises(ValueError, match="Give more texts, or lower min_count"):
        mk.WordVectors.train(["one two three"])
    with pytest.raises(ValueError, match=r"algorithm is one of cbow, skip_gram. Received 'glove'"):
        mk.WordVectors.train(CORPUS, algorithm="glove")


def test_without_gensim_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'multimodal-keras\[vectors\]'"):
        mk.WordVectors.train(CORPUS)
