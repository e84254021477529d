"""The dense encoder: one projection, of plain numbers only."""

from __future__ import annotations

import numpy as np
import pytest

import multimodal_keras as mk


def test_one_token_is_one_projection():
    encoder = mk.DenseEncoder(3)
    vectors = np.arange(8, dtype="float32").reshape(2, 4)
    tokens = encoder(vectors).numpy()
    expected = vectors @ encoder._project.kernel.numpy() + encoder._project.bias.numpy()
    np.testing.assert_allclose(tokens[:, 0], expected, rtol=1e-5)
    assert tokens.shape == (2, 1, 3)


def test_tables_and_sequences_are_refused():
    with pytest.raises(ValueError, match=r"'row': .*takes plain numbers. Received a table"):
        mk.build_model(
            {"row": mk.TabularModality({"city": "category"})},
            {"label": mk.ClassificationHead()},
            encoders={"row": "DenseEncoder"},
            adapt_to=[{"city": city, "label": city} for city in ("Rome", "Oslo", "Rome", "Oslo")],
        )
    with pytest.raises(ValueError, match=r"takes a vector \(batch, features\)"):
        mk.DenseEncoder()(np.zeros((2, 3, 4), "float32"))
