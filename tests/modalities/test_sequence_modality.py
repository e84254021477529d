"""Symbol sequences to ids, alike with and without TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.runtime.kinds import KINDS

KIND = KINDS["sequence"]
ODD = [
    b"",
    b" ",
    b"A",
    b"AC",
    b"ACGT" * 30,
    b"ac gt\r\nAC\tGT",
    b"NNNN",
    b"\xff\xfeAC",
    b"A\xc3",
    b"\xe6\x9dA\xe6\x9d\x8e",
    "红猫ACGT红".encode(),
    ("猫" * 50 + "ACG").encode(),
    b"\0A\0",
    b"A\x0bC\x0c G\xc2\xa0T",
    b"open read  close\nopen x \xff open",
]


def ids(modality, *values):
    return modality.decode(tf.constant([modality.read(value) for value in values]))[0].numpy().tolist()


@pytest.mark.oldest
@pytest.mark.parametrize("keep", ["start", "end"])
@pytest.mark.parametrize(
    "options",
    [
        {"symbols": "ACGT"},
        {"symbols": "ACGT", "k": 3},
        {"symbols": ["Aa", "Cc", "Gg", "Tt猫"], "k": 2, "stride": 3},
        {"symbols": ["open", "close", "read", "\ufffd"], "unit": "token"},
        {"symbols": ["open", "close", "猫"], "unit": "token", "k": 2, "stride": 2},
    ],
)
def test_both_decoders_give_the_same(options, keep):
    modality = mk.SequenceModality(6, keep=keep, **options)
    tensor, present = modality.decode(tf.constant(ODD))
    np.testing.assert_array_equal(tensor, KIND.decoder(modality.contract())(ODD))
    assert present.numpy().tolist() == [bool(value) for value in ODD]
    for row, value in enumerate(ODD):
        np.testing.assert_array_equal(modality.decode(tf.constant([value]))[0][0], tensor[row])
    assert tensor.numpy().max() < modality.feature_spec().vocabulary_size


def test_codons_by_hand():
    gene = mk.SequenceModality(4, k=3, stride=3, symbols=["A", "C", "G", "TU"])
    # ATG: 0*16 + 3*4 + 2, behind padding and unknown. What is left of two symbols is no codon.
    assert ids(gene, "ATGAUGNNNAA", "AT") == [[16, 16, 1, 0], [0, 0, 0, 0]]
    assert gene.feature_spec().vocabulary_size == 66


def test_events_by_hand():
    log = mk.SequenceModality(3, unit="token", keep="end", symbols=["open", "close"])
    assert ids(log, "close open  open\nclose", ["open", "jump"], [3, 4]) == [[2, 2, 3], [2, 1, 0], [1, 1, 0]]


def test_symbols_are_learned():
    characters = mk.SequenceModality(4)
    characters.adapt(["CCA", "GC", None, "A"])
    assert characters.symbols == ("C", "A", "G")
    tokens = mk.SequenceModality(4, unit="token", most_symbols=2)
    tokens.adapt([["b", "a"], "b c", b"c"])
    assert tokens.symbols == ("b", "c")
    with pytest.raises(ValueError, match="has no symbols yet"):
        mk.SequenceModality().decode(tf.constant(["A"]))
    with pytest.raises(ValueError, match="Received none that has one"):
        mk.SequenceModality().adapt([None, " "])


def test_features_and_their_mask():
    modality = mk.SequenceModality(3, symbols="AC")
    found, mask = modality(np.array([[2, 1, 0]]))
    assert found.numpy().tolist() == [[2, 1, 0]]
    assert mask.numpy().tolist() == [[True, True, False]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "at least 1"),
        ({"unit": "word"}, "unit is one of"),
        ({"keep": "middle"}, "keep is one of"),
        ({"symbols": ""}, "at least one symbol"),
        ({"symbols": "ACA"}, "'A' twice"),
        ({"symbols": ["A", ""]}, "number 2"),
        ({"symbols": ["a b"], "unit": "token"}, "without spaces"),
        ({"symbols": "ACGT", "k": 11}, "Lower k"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        mk.SequenceModality(**options)


def test_what_a_record_may_not_hold():
    with pytest.raises(ValueError, match="a list of symbols"):
        mk.SequenceModality(symbols="AC").read({"a": 1})


def test_a_made_up_value_has_ids():
    for options in ({"symbols": "ACGT", "k": 3}, {"symbols": ["open", "close"], "unit": "token"}):
        facts = mk.SequenceModality(8, **options).contract()
        assert (KIND.decoder(facts)([KIND.sample(facts, 2)]) > 1).sum() >= 4
