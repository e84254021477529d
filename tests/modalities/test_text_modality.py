"""Text to token ids: segmentation, vocabulary, padding."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk


def ids(modality, *texts):
    return modality.decode(tf.constant([text.encode() for text in texts]))[0].numpy().tolist()


def adapted(texts, **arguments):
    modality = mk.TextModality(**{"sequence_length": 4, **arguments})
    modality.adapt([text.encode() for text in texts])
    return modality


def test_chinese_characters_stand_apart():
    assert adapted(["红猫 cat"]).vocabulary == ("cat", "猫", "红")
    modality = mk.TextModality(4, vocabulary=["cat", "猫", "红"])
    assert ids(modality, "红猫cat猫") == [[4, 3, 2, 3]]


@pytest.mark.oldest
def test_the_most_frequent_first_and_equal_ones_by_code_point():
    modality = adapted(["b a c", "c b", "C!"])
    assert modality.vocabulary == ("c", "b", "a")
    assert ids(modality, "a b c d", "", "c c c c c c") == [[4, 3, 2, 1], [0, 0, 0, 0], [2, 2, 2, 2]]
    assert modality.feature_spec().vocabulary_size == 5


def test_size_and_least_count():
    assert adapted(["a a a b b c"], vocabulary_size=4).vocabulary == ("a", "b")
    assert adapted(["a a a b b c"], least_count=3).vocabulary == ("a",)


def test_stop_words_are_left_out():
    modality = adapted(["the cat and the dog"], stop_words=["the", "and"])
    assert modality.vocabulary == ("cat", "dog")
    assert ids(modality, "the cat and the dog") == [[2, 3, 0, 0]]


def test_a_single_pass_over_the_given_texts_only():
    given = iter([b"red cat", b"red dog"])
    modality = mk.TextModality(3)
    modality.adapt(given)
    assert next(given, None) is None
    assert modality.vocabulary == ("red", "cat", "dog")


def test_a_dataset_of_texts():
    modality = mk.TextModality(3)
    modality.adapt(tf.data.Dataset.from_tensor_slices(["red cat", "red"]))
    assert modality.vocabulary == ("red", "cat")


def test_bytes_need_no_records():
    modality = mk.TextModality(4, unit="byte")
    assert modality.is_adapted
    assert ids(modality, "aé") == [[2 + 0x61, 2 + 0xC3, 2 + 0xA9, 0]]
    assert modality.feature_spec().vocabulary_size == 258


def test_characters():
    modality = adapted(["aab"], unit="character")
    assert modality.vocabulary == ("a", "b")
    assert ids(modality, "ba猫") == [[3, 2, 1, 0]]


def test_presence_and_mask():
    modality = mk.TextModality(3, vocabulary=["cat"])
    tensor, present = modality.decode(tf.constant(["cat", "", "!"]))
    assert present.numpy().tolist() == [True, False, True]
    features, mask = modality(tensor)
    np.testing.assert_array_equal(features, tensor)
    assert mask.numpy().tolist() == [[True, False, False], [False] * 3, [False] * 3]


@pytest.mark.parametrize(("value", "raw"), [("猫", "猫".encode()), (b"cat", b"cat"), (None, b""), (float("nan"), b"")])
def test_reading(value, raw):
    assert mk.TextModality().read(value) == raw


def test_the_contract_has_the_vocabulary():
    facts = mk.TextModality(3, vocabulary=["a", "b"], stop_words=["c"]).contract()
    assert facts["vocabulary"] == ["a", "b"]
    assert (facts["kind"], facts["unit"], facts["sequence_length"], facts["stop_words"]) == ("text", "word", 3, ["c"])
    assert len(facts["vocabulary_sha256"]) == 64


def test_errors():
    with pytest.raises(ValueError, match=r"has no vocabulary yet"):
        mk.TextModality().decode(tf.constant(["cat"]))
    with pytest.raises(ValueError, match=r"at least one token that occurs 1 times. Received texts with 0 different"):
        mk.TextModality().adapt([b"", b"..."])
    with pytest.raises(ValueError, match=r"Received 3 of type int|Received 3"):
        mk.TextModality().read(3)
    with pytest.raises(ValueError, match=r"Received 'sentence'"):
        mk.TextModality(unit="sentence")
    with pytest.raises(ValueError, match=r"vocabulary_size is at least 3. Received 2"):
        mk.TextModality(vocabulary_size=2)
