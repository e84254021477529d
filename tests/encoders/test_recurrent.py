"""LSTM and GRU encoders are Keras's own layers, in another order of work."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.base.steps import last_step
from multimodal_keras.encoders.recurrence import reverse_valid

FRAMES = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")
MASK = np.array([[True] * 6, [True] * 4 + [False] * 2, [True] + [False] * 5])
PAIRS = [(mk.LSTMEncoder, keras.layers.LSTM), (mk.GRUEncoder, keras.layers.GRU)]

pairs = pytest.mark.parametrize(("encoder", "layer"), PAIRS)


def random_weights(layer):
    """Biases too: they start as zeros or ones, which hides mistakes."""
    random = np.random.default_rng(2)
    layer.set_weights([random.normal(scale=0.4, size=weight.shape) for weight in layer.get_weights()])


def slopes(function, inputs, variables):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
        loss = tf.reduce_sum(tf.sin(outputs) * tf.range(1.0, 1.0 + outputs.shape[-1]))
    found = tape.gradient(loss, [inputs, *[variable.value for variable in variables]])
    return outputs.numpy(), [slope.numpy() for slope in found]


@pytest.mark.oldest
@pairs
@pytest.mark.parametrize(("training", "jit_compile"), [(True, True), (True, False), (False, True)])
def test_outputs_and_gradients_are_those_of_keras(encoder, layer, training, jit_compile):
    ours, theirs = encoder(5, jit_compile=jit_compile), layer(5, return_sequences=True)
    ours.build((None, 6, 4))
    theirs.build((None, 6, 4))
    random_weights(theirs)
    ours.set_weights(theirs.get_weights())
    inputs = tf.constant(FRAMES)
    one, our_slopes = slopes(lambda x: ours(x, training=training), inputs, ours.trainable_variables)
    other, their_slopes = slopes(lambda x: theirs(x, training=training), inputs, theirs.trainable_variables)
    np.testing.assert_allclose(one, other, atol=1e-6)
    for our_slope, their_slope in zip(our_slopes, their_slopes, strict=True):
        np.testing.assert_allclose(our_slope, their_slope, atol=2e-5)


@pairs
@pytest.mark.parametrize("training", [True, False])
def test_the_last_step_that_counts_is_the_masked_layers_answer(encoder, layer, training):
    ours, theirs = encoder(5), layer(5)
    ours.build((None, 6, 4))
    theirs.build((None, 6, 4))
    random_weights(theirs)
    ours.set_weights(theirs.get_weights())
    tokens, mask = ours(FRAMES, MASK, training=training)
    np.testing.assert_allclose(last_step(tokens, mask), theirs(FRAMES, mask=MASK), atol=1e-6)


@pairs
def test_bidirectional_is_kerass_own_with_a_mask(encoder, layer):
    ours = encoder(5, bidirectional=True)
    theirs = keras.layers.Bidirectional(layer(5, return_sequences=True))
    ours.build((None, 6, 4))
    theirs.build((None, 6, 4))
    random_weights(theirs)
    ours.set_weights(theirs.get_weights())
    tokens, _ = ours(FRAMES, MASK)
    expected = theirs(FRAMES, mask=MASK).numpy()
    np.testing.assert_allclose(tokens.numpy()[MASK], expected[MASK], atol=1e-6)
    assert ours.default_pooling == "mean"
    assert encoder(5).default_pooling == "last"


@pairs
def test_stacked_layers_are_layers_one_after_the_other(encoder, layer):
    ours = encoder(5, layers=2)
    theirs = keras.Sequential([keras.Input((6, 4)), layer(5, return_sequences=True), layer(5, return_sequences=True)])
    ours.build((None, 6, 4))
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(FRAMES), theirs(FRAMES), atol=1e-6)


def test_padding_changes_no_step_that_counts():
    encoder = mk.LSTMEncoder(4, vocabulary_size=9, embedding_width=3)
    long, short = encoder(np.array([[3, 4, 0, 0]])), encoder(np.array([[3, 4]]))
    np.testing.assert_allclose(long[:, :2], short, atol=1e-6)


def test_reversal_leaves_padding_in_place():
    sequence = tf.reshape(tf.range(8.0), (2, 4, 1))
    mask = tf.constant([[True, True, True, False], [True] * 4])
    assert reverse_valid(sequence, mask)[..., 0].numpy().tolist() == [[2, 1, 0, 3], [7, 6, 5, 4]]
    assert reverse_valid(sequence, None)[..., 0].numpy().tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]


@pytest.mark.parametrize("arguments", [{"units": 0}, {"layers": 0}])
def test_sizes_are_at_least_one(arguments):
    with pytest.raises(ValueError, match=r"units and layers are at least 1"):
        mk.LSTMEncoder(**arguments)


def test_ids_need_a_vocabulary_size():
    with pytest.raises(ValueError, match=r"token ids .* vocabulary_size=None"):
        mk.GRUEncoder(3)(np.array([[1, 2]]))
    with pytest.raises(ValueError, match=r"Received the shape"):
        mk.GRUEncoder(3)(np.zeros((1, 2, 3, 4), "float32"))
