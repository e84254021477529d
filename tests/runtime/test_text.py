import random
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from multimodal_keras.modalities import text_graph
from multimodal_keras.runtime import text

POOLS = [
    "abcXYZ 0123 ,.'-_$+ éÀßİıΣσς",
    "漢字かなカター・、。ｶﾅ　東京 Tokyo",
    "ไทยกรุงเทพมหานคร น้ำ ",
    "ភាសាខ្មែរ ພາສາລາວ မြန်မာဘာသာ ",
    "😀👨‍👩‍👧❤️🇫🇷👍🏽 ok",
    "e\u0301n\u0303a\u0308 \u200b\ufeff\u00ad\u200d",
    "\x00\t\n\r\x1f\x7f\u0085\u00a0\u2028 a",
    "Привет ΑΒΓ हिन्दी العربية עברית ქართული ᏣᎳᎩ",
    "\ufffe\uffff\U0010ffff\ufffd \ue000 z",
]


def generated(count=400):
    rng = random.Random(7)
    texts = [b"", b" ", b"\x00", b"a", b".", b"", b"  a  b ", b"a\x00b", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f\x98"]
    for number in range(count):
        pool = rng.choice(POOLS) if number % 2 else "".join(POOLS)
        line = bytearray("".join(rng.choice(pool) for _ in range(rng.randrange(70))).encode())
        for _ in range(3 if line and number % 3 == 0 else 0):
            line[rng.randrange(len(line))] = rng.randrange(256)
        texts.append(bytes(line))
    return texts


@pytest.mark.oldest
def test_twins_standardise_and_tokenise_alike():
    texts = generated()
    graph = tf.function(text_graph.standardize)(tf.constant(texts)).numpy().tolist()
    assert graph == [text.standardize(line).encode() for line in texts]
    for unit in text.UNITS:
        tokens = text_graph.tokenize(tf.constant(texts), unit).to_list()
        assert tokens == [[token.encode() for token in text.tokenize(line, unit)] for line in texts]


@pytest.mark.parametrize("unit", text.UNITS)
def test_places_are_those_of_the_tokens(unit):
    for line in generated(200):
        spans = text.token_spans(line, unit)
        assert [token for token, _, _ in spans] == text.tokenize(line, unit)
        decoded = line.decode("utf-8", "replace")
        for token, start, end in spans:
            assert 0 <= start < end <= len(decoded)
            if unit == "word":
                assert text.standardize(decoded[start:end]) == token
    assert text.token_spans("Go! 猫", "subword")[:3] == [("<go>", 0, 2), ("<go", 0, 2), ("go>", 0, 2)]
    assert text.token_spans("é b", "byte")[:2] == [("c3", 0, 1), ("a9", 0, 1)]
    assert text.token_spans("a . b", "character") == [("a", 0, 1), (" ", 1, 4), ("b", 4, 5)]


def test_twins_agree_on_every_code_point():
    points = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    texts = ["".join(map(chr, points[start : start + 97])).encode() for start in range(0, len(points), 97)]
    assert text_graph.standardize(tf.constant(texts)).numpy().tolist() == [
        text.standardize(line).encode() for line in texts
    ]
    words = text_graph.tokenize(tf.constant(texts), "word").to_list()
    assert words == [[token.encode() for token in text.tokenize(line, "word")] for line in texts]


@pytest.mark.oldest
@pytest.mark.parametrize("unit", text.UNITS)
@pytest.mark.parametrize("length", [1, 9, 90])
def test_twins_give_the_same_ids(unit, length):
    texts = generated(200)
    tokens = sorted({token for line in texts for token in text.tokenize(line, unit)})
    vocabulary, stop_words = tokens[::2], tokens[1:40:3] if unit == "word" else []
    table = None if unit == "byte" else text_graph.lookup_table(vocabulary)
    expected = text.token_ids(texts, unit=unit, vocabulary=vocabulary, sequence_length=length, stop_words=stop_words)
    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(64)
    dataset = dataset.map(lambda batch: text_graph.token_ids(batch, table, unit, length, stop_words))
    assert dataset.element_spec.shape.as_list() == [None, length]
    np.testing.assert_array_equal(np.concatenate(list(dataset.as_numpy_iterator())), expected)
    assert expected.dtype == np.int32


def test_in_a_saved_model_and_small_there(tmp_path):
    module = tf.Module()
    module.table = text_graph.lookup_table(["fox", "the"])
    signature = tf.function(
        lambda texts: {"ids": text_graph.token_ids(texts, module.table, "word", 4, ["a"])},
        input_signature=[tf.TensorSpec([None], tf.string, "texts")],
    )
    tf.saved_model.save(module, str(tmp_path), signatures=signature.get_concrete_function())
    served = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    ids = served(texts=tf.constant(["The red fox!", "", "a\x00fox a"]))["ids"]
    np.testing.assert_array_equal(ids, [[3, 1, 2, 0], [0, 0, 0, 0], [2, 0, 0, 0]])
    assert (tmp_path / "saved_model.pb").stat().st_size < 100_000


@pytest.mark.parametrize(
    ("given", "unit", "expected"),
    [
        ("Hello, World!", "word", ["hello", "world"]),
        ("don't e-mail C++", "word", ["don", "t", "e", "mail", "c"]),
        ("Tokyo東京、カ", "word", ["tokyo", "東", "京", "カ"]),
        ("good😀😀", "word", ["good", "😀", "😀"]),
        ("a\x00b", "word", ["a", "b"]),
        (b"caf\xc3\xa9 \xff", "word", ["café", "\ufffd"]),
        ("İI", "word", ["ii"]),
        ("ΟΔΟΣ", "word", ["οδοσ"]),
        ("Go! 猫", "subword", ["<go>", "<go", "go>", "<go>", "<猫>", "<猫>"]),
        ("  A \n b ", "character", ["a", " ", "b"]),
        ("A\x00é", "byte", ["61", "00", "c3", "a9"]),
        ("\ud83d", "word", ["\ufffd"]),
        ("\uffff\ufdd0", "byte", ["ef", "bf", "bd"] * 2),
        ("", "word", []),
    ],
)
def test_values_that_can_be_checked_by_hand(given, unit, expected):
    assert text.tokenize(given, unit) == expected


def test_ids_that_can_be_checked_by_hand():
    ids = text.token_ids(
        ["b c a", "a the a"], unit="word", vocabulary=["a", "b"], sequence_length=2, stop_words=["the"]
    )
    np.testing.assert_array_equal(ids, [[3, 1], [2, 2]])
    ids = text.token_ids(["Az"], unit="byte", vocabulary=None, sequence_length=3)
    np.testing.assert_array_equal(ids, [[ord("a") + 2, ord("z") + 2, 0]])
    assert text.token_ids([], unit="byte", vocabulary=None, sequence_length=3).shape == (0, 3)
    assert text_graph.token_ids(tf.constant([], tf.string), None, "byte", 3).shape == (0, 3)


def test_tables_are_those_of_the_tool(request):
    tool = request.config.rootpath / "tools" / "make_unicode_tables.py"
    if unicodedata.unidata_version != text.load_tables()["unicode"] or not tool.exists():
        pytest.skip("this Python has another Unicode version, or the tool is not here")
    code = f"import runpy; print(runpy.run_path({str(tool)!r})['render'](), end='')"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert made == text._TABLES_FILE.read_bytes()


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="unit must be one of word, subword, character, byte"):
        text.tokenize("a", "letter")
    with pytest.raises(TypeError, match=r"str or UTF-8 bytes\. Received int"):
        text.standardize(3)
    with pytest.raises(ValueError, match="needs a vocabulary"):
        text.token_ids(["a"], unit="word", vocabulary=None, sequence_length=1)
    with pytest.raises(ValueError, match="needs a table"):
        text_graph.token_ids(tf.constant(["a"]), None, "word", 1)
    with pytest.raises(ValueError, match="'a' again"):
        text_graph.lookup_table(["a", "a"])
    with pytest.raises(ValueError, match="sequence_length must be at least 1"):
        text.token_ids(["a"], unit="byte", vocabulary=None, sequence_length=0)
    with pytest.raises(ValueError, match="gives the tokens \\['don', 't'\\]"):
        text.token_ids(["a"], unit="word", vocabulary=["a"], sequence_length=1, stop_words=["don't"])
    with pytest.raises(ValueError, match="stop_words need unit='word'"):
        text_graph.token_ids(tf.constant(["a"]), None, "byte", 1, ["a"])


@pytest.mark.parametrize("module", ["text", "image"])
def test_runtime_imports_no_tensorflow(module):
    code = (
        f"import sys, multimodal_keras.runtime.{module}; "
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
