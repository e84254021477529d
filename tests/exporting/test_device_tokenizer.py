"""The tokenizers for devices give TensorFlow's ids, in every language that has a compiler here."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import device_runs
import numpy as np
import pytest
import tensorflow as tf
from debian import installed
from device_runs import as_case, hostile, run, write_cases

import multimodal_keras as mk
from multimodal_keras import exporting
from multimodal_keras.exporting.golden import golden_cases
from multimodal_keras.runtime import text as twin

# One process installs and compiles.

SOURCES = Path(exporting.__file__).with_name("device")
FIELDS = {
    "words": {"unit": "word", "sequence_length": 24},
    "kept": {"unit": "word", "sequence_length": 24, "stop_words": ["the", "of", "a", "à", "猫", "и"]},
    "subwords": {"unit": "subword", "sequence_length": 160, "vocabulary_size": 30_000},
    "characters": {"unit": "character", "sequence_length": 40},
    "bytes": {"unit": "byte", "sequence_length": 90, "optional": True},
}
TITLES = [record["title"] for record in mk.data.clipart()]
SENTENCES = ["The cat, the dog & a 猫 of Dog à la carte", "и снова и", "a", "的猫猫", "İIıi ΣΣ", "\ufeffa\x00b"]


@pytest.fixture(scope="module")
def texts():
    return [*TITLES, *SENTENCES, *(title.encode("utf-8") for title in TITLES[::10]), *hostile(3000)]


@pytest.fixture(scope="module")
def modalities(texts):
    made = {field: mk.TextModality(**options) for field, options in FIELDS.items()}
    for modality in made.values():
        modality.adapt(texts[::2])
    return made


@pytest.fixture(scope="module")
def folder(modalities, tmp_path_factory):
    model = mk.build_model(
        modalities,
        {"subject": mk.ClassificationHead(labels=["animals", "tools"])},
        encoders={field: mk.EmbeddingEncoder(embedding_width=4) for field in FIELDS},
    )
    records = [dict.fromkeys(FIELDS, title) for title in TITLES[:4]]
    return mk.export(model, tmp_path_factory.mktemp("exported") / "1", sample=mk.data.Records.of(records)).folder


@pytest.fixture(scope="module", params=device_runs.LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def tokenise(language, folder, tmp_path_factory):
    built = tmp_path_factory.mktemp(language)
    arguments = device_runs.runner(language, folder / "device", built)

    def ids(cases):
        """An array by field, of what the other process printed."""
        done = run(arguments(folder / "contract.json", write_cases(built / "cases.json", cases)))
        assert done.returncode == 0, done.stderr
        lines = iter(done.stdout.splitlines())
        return {field: np.array([next(lines).split() for _ in cases[field]], np.int32) for field in sorted(cases)}

    ids.arguments = arguments
    return ids


def decoded(modality, given):
    raw = [text if isinstance(text, bytes) else text.encode("utf-8") for text in given]
    return np.concatenate([modality.decode(tf.constant(raw[start:][:500]))[0] for start in range(0, len(raw), 500)])


def test_export_writes_the_sources_and_the_golden_vectors(folder, modalities):
    sources = {
        "tokenizer.py",
        "tokenizer.js",
        "tokenizer.d.ts",
        "Tokenizer.kt",
        "TokenizerContract.kt",
        "Tokenizer.swift",
    }
    assert {path.name for path in (folder / "device").iterdir()} == {*sources, "golden.json"}
    for name in sources:
        assert (folder / "device" / name).read_bytes() == (SOURCES / name).read_bytes()
    golden = json.loads((folder / "device" / "golden.json").read_text(encoding="utf-8"))
    assert golden == {field: golden_cases(modality) for field, modality in modalities.items()}


def test_the_contract_has_the_frozen_tables(folder):
    contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    assert contract["code_points"] == {name: table for name, table in twin.load_tables().items() if name != "format"}


def test_the_tables_do_not_overlap():
    """So that the steps of the definition may be taken in any order, and in one."""
    tables = twin.load_tables()
    lower = {
        point: point + distance for *run, distance in tables["lower"] for point in range(run[0], run[1] + 1, run[2])
    }
    names = ("noncharacters", "separators", "split")
    sets = [{point for first, last in tables[name] for point in range(first, last + 1)} for name in names]
    sets += [set(lower), set(lower.values())]
    assert sum(map(len, sets[:4])) == len(set.union(*sets[:4]))
    assert not sets[4] & set.union(*sets[:4])


@pytest.mark.parametrize("field", FIELDS)
def test_golden_vectors_are_hostile_and_those_of_the_other_twin(field, modalities):
    cases, facts = golden_cases(modalities[field]), modalities[field].contract()
    given = [case["text"] if "text" in case else base64.b64decode(case["base64"]) for case in cases]
    arguments = {key: facts[key] for key in ("unit", "vocabulary", "sequence_length", "stop_words")}
    assert np.array_equal([case["ids"] for case in cases], twin.token_ids(given, **arguments))
    assert [case["present"] for case in cases] == [text != "" for text in given]
    written = "".join(text for text in given if isinstance(text, str))
    for part in (
        "\x00",
        "\ufeff",
        "\u200d",
        "e\u0301",
        "İ",
        "東京",
        "红",
        "ภาษา",
        "\U0010ffff",
        *facts["vocabulary"][:3],
    ):
        assert part in written
    assert any(b"\xed\xa0\x80" in text for text in given if isinstance(text, bytes))
    assert any(len(twin.tokenize(text, facts["unit"])) > facts["sequence_length"] for text in given)


def test_golden_vectors(tokenise, folder):
    golden = json.loads((folder / "device" / "golden.json").read_text(encoding="utf-8"))
    for field, ids in tokenise(golden).items():
        wrong = [case for case, row in zip(golden[field], ids.tolist(), strict=True) if case["ids"] != row]
        assert not wrong


def test_thousands_of_texts(tokenise, texts, modalities):
    found = tokenise({field: [as_case(text) for text in texts] for field in FIELDS})
    for field, modality in modalities.items():
        expected = decoded(modality, texts)
        assert np.unique(expected).size > 200, "a test of unknown tokens proves little"
        wrong = [text for text, same in zip(texts, (found[field] == expected).all(axis=1), strict=True) if not same]
        assert not wrong, f"{len(wrong)} of {len(texts)} differ in {field}: {wrong[:3]}"


def test_surrogates_that_are_alone(language, tokenise, modalities):
    if language == "swift":
        pytest.skip("a Swift String holds no surrogates")
    given = ["\ud83d", "a\udc00b \ud83d\ud83d c", "\ude00\ud83d", "\ud83d\ude00 pair", "cut \ud83d"]
    valid = [text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for text in given]
    for field, ids in tokenise({field: [as_case(text) for text in given] for field in FIELDS}).items():
        assert np.array_equal(ids, decoded(modalities[field], valid))


@pytest.mark.parametrize("unit", ["letter", None])
def test_what_is_no_text_field_is_refused(tokenise, folder, unit, tmp_path):
    contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    contract["modalities"]["words"].pop("unit")
    contract["modalities"]["words"] |= {"unit": unit} if unit else {}
    (tmp_path / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
    done = run(tokenise.arguments(tmp_path / "contract.json", write_cases(tmp_path / "cases.json", {"words": []})))
    assert done.returncode != 0
    for part in ("A tokenizer", "Received", "that was exported with the model"):
        assert part in done.stderr


USE = """
import { Tokenizer } from "./tokenizer.js";
import contract from "./contract.json";
const tokenizer = new Tokenizer(contract, "words");
const ids: Int32Array = tokenizer.ids(tokenizer.unit === "word" ? "text" : new Uint8Array([97]));
if (ids.length !== tokenizer.sequenceLength) throw new Error();
// @ts-expect-error
tokenizer.ids(3);
// @ts-expect-error
new Tokenizer({}, "words");
"""


def test_types_fit_the_contract(folder, tmp_path):
    for source in (folder / "contract.json", folder / "device" / "tokenizer.js", folder / "device" / "tokenizer.d.ts"):
        shutil.copy(source, tmp_path)
    (tmp_path / "use.mts").write_text(USE, encoding="utf-8")
    install = [installed("npm", "npm"), "install", "--silent", "--no-fund", "--no-audit", "--prefix", tmp_path]
    subprocess.run([*install, "typescript@5"], check=True, timeout=300)
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--resolveJsonModule"]
    tsc = [tmp_path / "node_modules" / ".bin" / "tsc", *options, "--moduleResolution", "bundler", tmp_path / "use.mts"]
    done = subprocess.run(tsc, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def test_a_model_without_text_has_no_tokenizer(tmp_path):
    model = mk.build_model({"image": mk.ImageModality((8, 8))}, {"subject": mk.ClassificationHead(labels=["a", "b"])})
    exporting.tokenizers.write_tokenizers(model, tmp_path / "device")
    assert not (tmp_path / "device").exists()
    assert "code_points" not in exporting.contract(model)
