"""Two modalities of different widths and lengths, one masked and one absent in the second record, for hand-made values."""

from __future__ import annotations

import numpy as np

TOKENS = {
    "b": np.array([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]], [[5.0, 6.0], [9.0, 9.0], [9.0, 9.0]]], "float32") / 4,
    "a": np.array([[[10.0, 20.0, 30.0]], [[1.0, 1.0, 1.0]]], "float32") / 30,
}
MASKS = {"b": np.array([[True, True, False], [True, False, False]]), "a": None}
PRESENT = {"a": np.array([True, False]), "b": None}
EVERYONE = {"a": np.array([True, True]), "b": None}


def dense(layer, values):
    """What a Dense layer without activation computes."""
    bias = 0.0 if layer.bias is None else layer.bias.numpy()
    return values @ layer.kernel.numpy() + bias


def pooled(name):
    """The mean of the steps that count."""
    tokens, mask = TOKENS[name], MASKS[name]
    return np.stack([tokens[row].mean(0) if mask is None else tokens[row][mask[row]].mean(0) for row in range(2)])


def projections(fusion):
    """The projected vector of each modality, `{"a": (2, width), "b": (2, width)}`."""
    return {name: dense(fusion._projections[name], pooled(name)) for name in sorted(TOKENS)}


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def softmax(scores, axis=-1):
    powers = np.exp(scores - scores.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def gelu(values):
    from scipy.special import erf

    return values * 0.5 * (1 + erf(values / np.sqrt(2)))


def power_normalised(values):
    rooted = values / np.sqrt(np.abs(values) + 1e-4)
    return rooted / np.sqrt((rooted**2).sum(-1, keepdims=True) + 1e-4)


def outer(one, other):
    return np.einsum("bi,bj->bij", one, other).reshape(len(one), -1)


def close(answer, expected):
    np.testing.assert_allclose(np.asarray(answer), expected, rtol=2e-4, atol=2e-5)
