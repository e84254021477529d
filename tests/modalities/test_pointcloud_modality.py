"""Point clouds to a fixed number of points, alike with and without TensorFlow; what is moved, scaled and turned."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.modalities import points_graph
from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.points import farthest_points
from multimodal_keras.runtime.raw import is_absent, stacked

KIND = KINDS["pointcloud"]
NAN = float("nan")


def cloud(count, width=3, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width)).astype("float32") * [3, 1, 0.5, *[1] * (width - 3)]


@pytest.mark.oldest
@pytest.mark.parametrize("sampling", ["farthest", "even"])
def test_both_decoders_give_the_same(sampling):
    modality = mk.PointCloudModality(7, features=1, sampling=sampling)
    facts = modality.contract()
    values = [cloud(count, 4, count).astype("float32") for count in (1, 6, 7, 8, 40, 113, 300)]
    values[4][::3, 1] = NAN
    values += [np.full((3, 4), NAN, np.float32), np.empty((0, 4), np.float32), np.ones((30, 4), np.float32)]
    # A grid has many points that are equally far.
    values.append(np.stack([*np.mgrid[0:4, 0:4, 0:4].reshape(3, -1), np.arange(64)], axis=1).astype("float32"))
    batch = stacked(values, {"shape": [None, 4], "dtype": "float32"})
    tensor, present = (part.numpy() for part in tf.function(modality.decode)(tf.constant(batch)))
    np.testing.assert_array_equal(tensor, KIND.decoder(facts)(values))
    for row, value in enumerate(values):
        alone, there = modality.decode(tf.constant(value[None]))
        np.testing.assert_array_equal(alone[0], tensor[row])
        read = KIND.read(value, None, facts)
        assert there[0] == present[row] == (not is_absent(read))
        if read is not None:
            # Sampled when it is read, it is the same, and no longer than what is kept.
            assert len(read) <= 7
            np.testing.assert_array_equal(KIND.decoder(facts)([read])[0], tensor[row])


def test_farthest_points_by_hand_and_by_brute_force():
    places = np.array([[0, 0, 0], [1, 0, 0], [10, 0, 0], [5, 0, 0], [10, 0, 0]], "float32")
    assert farthest_points(places, 3).tolist() == [0, 2, 3]
    places = cloud(60).astype("float32")
    chosen = [0]
    for _ in range(19):
        distances = np.linalg.norm(places[:, None] - places[chosen], axis=2).min(axis=1)
        chosen.append(int(np.argmax(distances)))
    assert farthest_points(places, 20).tolist() == chosen
    assert points_graph.farthest_points(tf.constant(places), 20).numpy().tolist() == chosen


def test_few_points_are_repeated_in_turn():
    tensor, _ = mk.PointCloudModality(5).decode(tf.constant([[[1.0, 2, 3], [4, 5, 6]]]))
    assert tensor[0, :, 0].numpy().tolist() == [1, 4, 1, 4, 1]


def test_a_large_cloud_costs_no_more_than_its_share():
    points = cloud(200_000).astype("float32")
    found = mk.PointCloudModality(64).read(points)
    assert found.shape == (64, 3)
    assert (found[:, None] == points[::195][None, :1]).all(axis=2).any()


def test_places_are_moved_and_scaled_to_the_sphere():
    modality = mk.PointCloudModality(100, features=1)
    points = cloud(100, 4) * 50 + 1000
    features = modality(points[None].astype("float32"))[0].numpy()
    places = features[:, :3]
    np.testing.assert_allclose(np.linalg.norm(places, axis=1).max(), 1, rtol=1e-5)
    np.testing.assert_allclose(places.min(axis=0) + places.max(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(features[:, 3], points[:, 3], rtol=1e-6)
    # What a repetition or another order does not change.
    again = modality(points[None, ::-1].astype("float32"))[0].numpy()
    np.testing.assert_array_equal(again[::-1], features)
    one = modality(np.full((1, 100, 4), 7.0, "float32")).numpy()
    assert (one[..., :3] == 0).all()
    huge = modality(np.float32(3e38) * np.sign(cloud(100, 4))[None].astype("float32"))[..., :3].numpy()
    assert np.isfinite(huge).all()


def test_turning_and_jitter_while_training_only():
    keras.utils.set_random_seed(3)
    points = np.repeat(cloud(50)[None].astype("float32"), 30, axis=0)
    calm = mk.PointCloudModality(50)(points).numpy()
    for up, axis in (("x", 0), ("y", 1), ("z", 2)):
        modality = mk.PointCloudModality(50, up=up, augmentation={"rotation": 90})
        np.testing.assert_array_equal(modality(points), calm)
        turned = modality(points, training=True).numpy()
        np.testing.assert_array_equal(turned[..., axis], calm[..., axis])
        np.testing.assert_allclose(np.linalg.norm(turned, axis=2), np.linalg.norm(calm, axis=2), atol=1e-5)
        assert len(np.unique(turned.round(4), axis=0)) == 30
    modality = mk.PointCloudModality(50, augmentation={"jitter": 0.05})
    assert 0.045 < (modality(points, training=True).numpy() - calm).std() < 0.055
    sizes = mk.PointCloudModality(50, augmentation={"scaling": 0.2})(points, training=True).numpy()
    radii = np.linalg.norm(sizes, axis=2).max(axis=1)
    assert 0.8 <= radii.min() < 0.9 < 1.1 < radii.max() <= 1.2


def test_infinity_is_refused_in_the_graph_and_without():
    modality = mk.PointCloudModality(2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="finite numbers"):
        tf.function(modality.decode)(tf.constant([[[np.inf, 0.0, 0.0]]]))
    with pytest.raises(ValueError, match="infinity in point 2"):
        modality.read([[0, 0, 0], [0, -np.inf, 0]])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2]], r"shape \(points, 3\). Received \(1, 2\)"),
        ([1, 2, 3], r"Received \(3,\)"),
        ([[1, 2, 3], [1, 2]], "as many for each point"),
        ([["a", "b", "c"]], "holds numbers"),
        ("a.obj", "file is .npy, .ply"),
        ("a.ply", "cannot be read"),
    ],
)
def test_what_a_record_may_not_hold(value, message):
    with pytest.raises(ValueError, match=message):
        mk.PointCloudModality(2).read(value)


@pytest.mark.parametrize("value", [None, [], "", np.empty((0, 3)), [[NAN, 1, 2]], [[None, None, None]]])
def test_no_point_is_missing(value):
    assert mk.PointCloudModality(2).read(value) is None


PLY = "ply\nformat {}\ncomment made by hand\nelement vertex 2\nproperty uchar red\nproperty float x\nproperty float y\n"
PLY += "property double z\nelement face 0\nproperty list uchar int vertex_indices\nend_header\n"


def test_files(tmp_path):
    expected = [[1.5, 2, 3, 200], [4, 5, 6, 7]]
    np.save(tmp_path / "a.npy", np.array(expected))
    (tmp_path / "a.ply").write_text(PLY.format("ascii 1.0") + "200 1.5 2 3\n7 4 5 6\n", encoding="ascii")
    rows = np.array([(200, 1.5, 2, 3), (7, 4, 5, 6)], "u1,<f4,<f4,<f8")
    (tmp_path / "b.ply").write_bytes(PLY.format("binary_little_endian 1.0").encode() + rows.tobytes())
    (tmp_path / "a.xyz").write_text("# x y z i\n1.5 2 3 200 9\n4,5,6,7,9\n", encoding="ascii")
    for name in ("a.npy", "a.ply", "b.ply", "a.xyz"):
        assert mk.PointCloudModality(2, features=1).read(name, tmp_path).tolist() == expected
        assert mk.PointCloudModality(2).read(name, tmp_path).tolist() == [row[:3] for row in expected]
    broken = {
        "cut.ply": PLY.format("ascii 1.0") + "200 1.5 2 3\n",
        "big.ply": PLY.format("binary_big_endian 1.0"),
        "short.ply": PLY.format("binary_little_endian 1.0"),
        "none.ply": "plyx",
        "faces.ply": "ply\nformat ascii 1.0\nelement face 0\nend_header\n",
        "flat.ply": "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n",
        "odd.xyz": "1 2 3\n1 2\n",
        "words.xyz": "a b c\n",
        "cut.npy": "x",
    }
    for name, content in broken.items():
        (tmp_path / name).write_text(content, encoding="ascii")
        with pytest.raises(ValueError, match="can be read from"):
            mk.PointCloudModality(2).read(name, tmp_path)


@pytest.mark.parametrize("value", ["a.npy", [1, 2, 3], [["1", 2, 3]], [[True, 2, 3]], {"x": [1]}, [[[1], 2, 3]]])
def test_what_a_client_may_not_send(value):
    with pytest.raises(ValueError, match="array of points"):
        KIND.parse(value, mk.PointCloudModality(2).contract())


def test_what_a_client_sends():
    facts = mk.PointCloudModality(2).contract()
    assert KIND.parse([[1, 2, 3], [None, 2, 3]], facts).tolist() == [[1, 2, 3]]
    assert KIND.parse([[1, 2, 3]] * 50, facts).shape == (2, 3)
    assert is_absent(KIND.parse([], facts))
    assert np.isfinite(KIND.decoder(facts)([KIND.sample(facts, 1)])).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": 0}, "at least 1"),
        ({"features": -1}, "at least 0"),
        ({"sampling": "random"}, "sampling is one of"),
        ({"up": "w"}, "up is one of"),
        ({"augmentation": {"noise": 1}}, "dict of jitter, rotation, scaling"),
        ({"augmentation": {"scaling": 1}}, "below 1"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        mk.PointCloudModality(**options)


@pytest.mark.parametrize("align", [False, True])
def test_the_order_of_points_changes_nothing(align):
    keras.utils.set_random_seed(5)
    encoder = mk.PointNetEncoder([8, 16], align=align)
    points = cloud(40)[None].astype("float32")
    token = encoder(points)
    if align:
        # It begins by turning nothing.
        encoder._matrix.kernel.assign(keras.random.normal(encoder._matrix.kernel.shape, seed=1))
        assert np.abs(encoder(points) - token).max() > 1e-3
        token = encoder(points)
    assert token.shape == (1, 1, 16)
    mixed = points[:, np.random.default_rng(1).permutation(40)]
    np.testing.assert_allclose(encoder(mixed), token, atol=1e-6)
    # Nor does what stands behind the points that count.
    padded = np.concatenate([points, np.full((1, 5, 3), 9.0, "float32")], axis=1)
    np.testing.assert_allclose(encoder(padded, np.arange(45)[None] < 40), token, atol=1e-6)
    with pytest.raises(ValueError, match="takes points"):
        mk.PointNetEncoder()(np.zeros((1, 5, 2)))
