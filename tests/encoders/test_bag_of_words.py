"""Bags of words are scikit-learn's, over the tokens of this package."""

from __future__ import annotations

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

import multimodal_keras as mk
from multimodal_keras.base import parts
from multimodal_keras.runtime.text import tokenize

TEXTS = [
    "The cat and the dog and the cat",
    "A dog, a black dog!",
    "黑猫和白狗，黑猫",
    "the the the",
    "",
    "nothing else is here: the cat is gone",
]
NEW = [*TEXTS, "the unseen cat met an unseen dog", "?!", "狗"]


def adapted(length=20, **arguments):
    modality = mk.TextModality(length, **arguments)
    modality.adapt(TEXTS)
    return modality


def encoded(modality, weighting, texts):
    encoder = mk.BagOfWordsEncoder(weighting)
    encoder.configure(modality.feature_spec())
    return encoder(modality.decode(tf.constant(texts))[0])[:, 0].numpy()


def reference(cls, modality, **options):
    def analyzer(text):
        tokens = [token for token in tokenize(text, modality.unit) if token not in modality.stop_words]
        return tokens[: modality.sequence_length]

    return cls(analyzer=analyzer, vocabulary=list(modality.vocabulary), **options)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"unit": "character", "length": 60}, {"unit": "subword", "length": 90}, {"stop_words": ["the"], "length": 3}],
)
def test_they_are_those_of_scikit_learn(arguments):
    modality = adapted(**arguments)
    seen = [text for text in TEXTS if text]
    counts = reference(CountVectorizer, modality).transform(NEW).toarray()
    np.testing.assert_array_equal(encoded(modality, "count", NEW), counts)
    np.testing.assert_array_equal(encoded(modality, "binary", NEW), counts > 0)
    expected = reference(TfidfVectorizer, modality).fit(seen).transform(NEW).toarray()
    np.testing.assert_allclose(encoded(modality, "tf_idf", NEW), expected, atol=1e-6)
    assert expected.max() > 0.5


def test_document_counts_survive_and_leave_missing_texts_out():
    modality = adapted()
    assert modality.document_counts[0] == 5
    assert modality.document_counts[1 + modality.vocabulary.index("the")] == 3
    assert contracts.json_round_trip(modality).feature_spec() == modality.feature_spec()


def test_it_learns_is_exported_and_reloaded(tmp_path):
    keras.utils.set_random_seed(0)
    rows = [{"text": text, "kind": "cat" if "cat" in text or "猫" in text else "other"} for text in TEXTS if text]
    model = mk.build_model(
        {"text": mk.TextModality(20, optional=True)},
        {"kind": mk.ClassificationHead()},
        encoders={"text": mk.BagOfWordsEncoder("tf_idf")},
        adapt_to=rows,
        modality_dropout=0.0,
    )
    mk.fit(model, mk.data.Records.of(rows), epochs=60, learning_rate=0.1, verbose=0)
    assert [answer["kind"]["label"] for answer in mk.predict(model, rows)] == [row["kind"] for row in rows]
    raw = {"text": np.array([text.encode() for text in NEW], object)}
    ids, present = parts(model).modalities["text"].decode(tf.constant(raw["text"]))
    inputs = {"text": ids.numpy(), "text_present": present.numpy()}
    expected = contracts.answer(model, inputs)
    saved, lite = contracts.write_artefacts(model, tmp_path / "1")
    assert contracts.difference(saved.call("serving_default", raw), expected) < contracts.SAVEDMODEL_TOLERANCE
    assert contracts.difference(lite.call(inputs), expected) < contracts.TFLITE_TOLERANCE
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert contracts.difference(contracts.answer(again, inputs), expected) == 0.0


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"weighting is one of count, binary, tf_idf. Received 'tfidf'"):
        mk.BagOfWordsEncoder("tfidf")
    with pytest.raises(ValueError, match=r"Received 0 factors for 1 tokens. Let the modality take its vocabulary"):
        mk.build_model(
            {"text": mk.TextModality(vocabulary=["a"])},
            {"kind": mk.ClassificationHead(labels=["a", "b"])},
            encoders={"text": mk.BagOfWordsEncoder("tf_idf")},
        )
    with pytest.raises(ValueError, match=r"A bag of words takes token ids"):
        mk.BagOfWordsEncoder(vocabulary_size=5)(np.zeros((1, 2, 3), "float32"))
