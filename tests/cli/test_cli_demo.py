"""The parts of the demo; the whole of it is `make demo`."""

import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.cli.baseline import tfidf_probabilities
from multimodal_keras.cli.demo import demo_model


@pytest.mark.parametrize("fields", [("title",), ("image", "title")], ids="+".join)
def test_the_model_is_built_over_any_of_its_fields(fields, clipart):
    model = demo_model(fields, clipart)
    found = mk.base.parts(model)
    assert tuple(found.modalities) == fields
    assert all(modality.optional for modality in found.modalities.values())
    assert model.output["subject"].shape == (None, 4)


def test_one_seed_gives_one_model(clipart):
    first, second = (demo_model(("title",), clipart, seed=3) for _ in range(2))
    for left, right in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_baseline_learns_words_and_keeps_the_order_of_the_labels():
    words = {"animals": ("black cat", "white cat", "old cat"), "food": ("green pear", "ripe pear", "soft pear")}
    records = mk.data.Records.of([{"title": text, "subject": name} for name, texts in words.items() for text in texts])
    test = mk.data.Records.of([{"title": "a cat", "subject": "animals"}, {"title": "a pear", "subject": None}])
    labels = ["food", "animals"]
    found = tfidf_probabilities(records, records, records, text="title", task="subject", labels=labels)
    assert [labels[column] for column in found.argmax(1)] == ["animals"] * 3 + ["food"] * 3
    assert len(tfidf_probabilities(records, records, test, text="title", task="subject", labels=labels)) == 2
