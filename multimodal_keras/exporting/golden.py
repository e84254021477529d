"""Golden vectors: hostile and plain texts with the ids that TensorFlow gives them in this very model."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from multimodal_keras.base import Modality

_TEXTS = (
    "",
    " ",
    " \t\n\r\u3000",
    "...",
    "The quick brown fox",
    "Don't PANIC!",
    "e-mail C++ snake_case 3.14 50%",
    "  a  b ",
    "12 dogs in 2024",
    "Lézard, Castilla y León",
    "Smørrebrød ÅNGSTRÖM Straße GROẞ ǅungla",
    "İstanbul Iğdır ISPARTA ıI",
    "ΟΔΟΣ Ὀδυσσεύς Άρης",
    "Привет, МИР! Ёж",
    "ქართული ᲥᲐᲠᲗᲣᲚᲘ ᏣᎳᎩ ꮳꮃꭹ 𐐔𐐯𐑅𐐨𐑉𐐯𐐻",
    "हिन्दी में लिखा है",
    "العَرَبِيَّة، نص؟",
    "עברית: שָׁלוֹם",
    "红色的猫和一只黑狗。",
    "Tokyo東京タワー、カフェ ｶﾌｪ",
    "𠮷野家で𩸽を食べる",
    "한국어 문장입니다",
    "ภาษาไทยไม่มีวรรค น้ำ",
    "ພາສາລາວ ភាសាខ្មែរ မြန်မာ",
    "good😀😀 👨\u200d👩\u200d👧\u200d👦 👍🏽 🇫🇷 ❤\ufe0f 1\ufe0f\u20e3",
    "e\u0301 \u00e9 n\u0303 A\u030a \u212b",
    "e\u0301\u0301\u0301 \u0301",
    "zero\u200bwidth soft\u00adhyphen joi\u200dner",
    "\ufeffBOM in front, and\ufeffinside",
    "nul\u0000inside \u0000",
    "controls\u0001\u001f\u007f\u0085\u2028end",
    "\ufffe\uffff\ufdd0\U0001fffe\U0010ffff \ufffd",
    "\ue000\U000f0000 private",
    "fullwidth ＡＢＣ１２３！",
    "donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen",
    "a ab abc abcd abcde abcdef",
    "<b>tags</b> & <mark>",
    "[UNK] [PAD] <unk>",
)
_INVALID = (
    b"caf\xc3\xa9 \xff",
    b"\xc3",
    b"a\x80b\xbf",
    b"\xc0\xaf overlong \xe0\x80\xaf \xf0\x80\x80\xaf",
    b"\xed\xa0\x80 surrogates \xed\xa0\xbd\xed\xb8\x80",
    b"cut \xe6\x9d",
    b"cut \xf0\x9f\x98",
    b"cut \xf0\x9fA \xe6A \xf0\x9f\x98\xf0\x9f\x98\x80",
    b"\xf4\x90\x80\x80 beyond \xf5\x80\x80\x80\xf8\x88\x80\x80\x80",
    b"\xef\xbb\xbfBOM \xfe\xff",
    b"latin-1 \xe9t\xe9 \x93quoted\x94",
)


def write_golden(path: Path, texts: Mapping[str, Modality]) -> None:
    """Write `{field: [{"text" or "base64", "ids", "present"}, ...]}`, one case a line.

    A text that is not valid UTF-8 is given as the base64 of its bytes. Nothing of the records is written: the texts are
    fixed ones and the model's own vocabulary.

    Args:
        path: of the file.
        texts: the text modalities by field.
    """
    fields = []
    for field, modality in sorted(texts.items()):
        cases = ",\n".join(json.dumps(case) for case in golden_cases(modality))
        fields.append(f"{json.dumps(field)}: [\n{cases}\n]")
    path.write_text("{\n" + ",\n".join(fields) + "\n}\n", encoding="utf-8")


def golden_cases(modality: Modality) -> list[dict[str, Any]]:
    """Texts with the ids and the presence that `decode` gives them.

    Args:
        modality: of text, adapted.

    Returns:
        `{"text": str, "ids": [int, ...], "present": bool}`, or `"base64"` in place of `"text"`.
    """
    given = [{"text": text} for text in (*_TEXTS, *_own_texts(modality.contract()))]
    given += [{"base64": base64.b64encode(text).decode("ascii")} for text in _INVALID]
    raw = [case["text"].encode("utf-8") if "text" in case else base64.b64decode(case["base64"]) for case in given]
    ids, present = modality.decode(tf.constant(raw, tf.string))
    answers = zip(given, ids.numpy().tolist(), present.numpy().tolist(), strict=True)
    return [{**case, "ids": numbers, "present": there} for case, numbers, there in answers]


def _own_texts(facts: Mapping[str, Any]) -> list[str]:
    """Frequent and rare tokens of the model, stop words among them, and a text longer than the model reads."""
    vocabulary, stop_words = facts["vocabulary"] or ["overlong"], facts["stop_words"]
    frequent, rare = vocabulary[:12], vocabulary[-12:]
    among = [word for pair in zip(stop_words, frequent, strict=False) for word in pair]
    overlong = [vocabulary[position % len(vocabulary)] for position in range(facts["sequence_length"] + 3)]
    return [*frequent, "".join(frequent), " ".join(rare).upper(), *stop_words[:3], " ".join(among), " ".join(overlong)]
