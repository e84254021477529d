"""Resizing in the graph against its twin in numpy, where the sums are largest and where nothing is to be done."""

import numpy as np
import pytest
import tensorflow as tf

from multimodal_keras.modalities import resize_graph
from multimodal_keras.runtime import resize


def both(pixels, size, how="stretch"):
    graph = resize_graph.resize_pixels(tf.constant(pixels), size, how).numpy()
    return graph, resize.resize_pixels(pixels, size, how)


@pytest.mark.parametrize("size", [(1024, 1024), (1025, 1024)])
def test_the_largest_sums_fit_on_either_side_of_the_limit(size):
    graph, twin = both(np.full((37, 41, 3), 255, np.uint8), size)
    assert (graph == 255).all()
    assert (twin == 255).all()


@pytest.mark.parametrize("factor", [1, 3])
def test_a_picture_of_the_wanted_size_keeps_its_pixels(factor):
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 3), np.uint8)
    graph, twin = both(np.repeat(np.repeat(pixels, factor, 0), factor, 1), (20, 30))
    np.testing.assert_array_equal(graph, pixels)
    np.testing.assert_array_equal(twin, pixels)


@pytest.mark.parametrize("how", ["crop", "pad"])
def test_only_a_region_of_the_wanted_size_is_kept(how):
    pixels = np.random.default_rng(4).integers(0, 256, (20, 33, 3), np.uint8)
    graph, twin = both(pixels, (20, 30), how)
    np.testing.assert_array_equal(graph, twin)
    assert how == "pad" or (graph == pixels[:, 1:31]).all()
