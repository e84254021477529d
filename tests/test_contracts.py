"""Every registered class keeps the contract of its kind; a new one is tested the day it registers."""

from __future__ import annotations

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts import BASES, answer, difference, models, tensors
from keras import ops

import multimodal_keras as mk
from multimodal_keras.base import parts, presence_name, split_steps

every_class = pytest.mark.parametrize(("kind", "name"), contracts.registered())
every_modality, every_encoder, every_fusion, every_head = (
    pytest.mark.parametrize("name", [name for kind, name in contracts.registered() if kind == wanted])
    for wanted in BASES
)


@pytest.mark.oldest
@every_class
def test_a_default_instance_survives_json(kind, name):
    for layer in (mk.get(name, BASES[kind]), contracts.small(name, BASES[kind])):
        again = contracts.json_round_trip(layer)
        assert again.get_config() == layer.get_config()
        assert mk.get(keras.saving.serialize_keras_object(layer), BASES[kind]).get_config() == layer.get_config()


@every_class
def test_docstrings_say_what_is_needed(kind, name):
    text = type(mk.get(name, BASES[kind])).__doc__
    for needed in ("args", "returns", "example"):
        assert needed in text.lower(), needed
    assert ">>> " in text
    assert name.endswith(kind)


@every_class
def test_symbolic_shapes_are_eager_shapes(kind, name):
    for model in models(kind, name).values():
        inputs = tensors(model)
        for layer in model.layers:
            if isinstance(layer, BASES[kind]):
                symbolic = layer.output if isinstance(layer.output, (tuple, list)) else [layer.output]
                eager = keras.Model(model.input, dict(enumerate(symbolic)))(inputs)
                for index, one in enumerate(symbolic):
                    other = eager[index]
                    assert tuple(one.shape[1:]) == tuple(other.shape[1:])
                    assert one.dtype == keras.backend.standardize_dtype(other.dtype)
                    assert other.shape[0] == 6


@every_class
def test_a_reloaded_model_gives_equal_numbers(kind, name, tmp_path):
    for word, model in models(kind, name).items():
        model.save(tmp_path / f"{word}.keras")
        again = keras.saving.load_model(tmp_path / f"{word}.keras")
        assert difference(answer(model, tensors(model)), answer(again, tensors(again))) == 0.0
        assert parts(again).optional == parts(model).optional


@every_class
def test_every_trainable_weight_gets_a_gradient(kind, name):
    for word, model in models(kind, name).items():
        for variable, gradient in zip(
            model.trainable_variables, contracts.gradients(model, tensors(model)), strict=True
        ):
            assert gradient is not None, (word, variable.path)
            assert np.isfinite(ops.convert_to_numpy(tf.convert_to_tensor(gradient))).all(), (word, variable.path)


@every_fusion
def test_every_kernel_of_a_fusion_of_three_matters(name):
    model = models("Fusion", name)["3"]
    for variable, gradient in zip(model.trainable_variables, contracts.gradients(model, tensors(model)), strict=True):
        if "kernel" in variable.path:
            assert np.abs(ops.convert_to_numpy(gradient)).max() > 0, variable.path


@pytest.mark.oldest
@every_class
def test_a_record_alone_is_answered_as_in_a_batch(kind, name):
    for model in models(kind, name).values():
        inputs = tensors(model)
        together = answer(model, inputs)
        for row in range(6):
            alone = answer(model, {field: values[row : row + 1] for field, values in inputs.items()})
            expected = {task: values[row : row + 1] for task, values in together.items()}
            assert difference(alone, expected) < contracts.BATCH_TOLERANCE


def check_absent_content(model):
    """What an absent field holds changes no output and no gradient, exactly."""
    inputs = tensors(model)
    outputs, slopes = answer(model, inputs), contracts.gradients(model, inputs)
    for nan in (False, True):
        changed = contracts.disturbed(model, inputs, nan)
        assert difference(outputs, answer(model, changed)) == 0.0
        for variable, one, other in zip(
            model.trainable_variables, slopes, contracts.gradients(model, changed), strict=True
        ):
            one, other = (tf.convert_to_tensor(slope).numpy() for slope in (one, other))
            np.testing.assert_array_equal(one, other, err_msg=variable.path)


@every_class
def test_absent_content_changes_nothing(kind, name):
    for model in models(kind, name).values():
        check_absent_content(model)


@every_fusion
def test_absent_content_changes_nothing_in_the_other_form(name):
    original = type(contracts.small(name, mk.Fusion))
    form = "embed" if original.missing == "exclude" else "exclude"
    fusion = type(name, (original,), {"missing": form})(**contracts.SMALL[name])
    model = contracts.fusion_model(fusion, ("text", "frames"))
    check_absent_content(model)
    assert np.isfinite(answer(model, tensors(model))["task"]).all()


@every_fusion
def test_nothing_present_has_one_finite_answer(name):
    for model in models("Fusion", name).values():
        inputs = tensors(model, absent=False)
        inputs |= {presence_name(field): np.zeros(6, bool) for field in parts(model).optional}
        outputs = answer(model, contracts.disturbed(model, inputs, nan=True))["task"]
        assert np.isfinite(outputs).all()
        np.testing.assert_array_equal(outputs, np.broadcast_to(outputs[:1], outputs.shape))


@pytest.mark.oldest
@every_fusion
def test_the_order_of_dicts_changes_nothing(name):
    random = np.random.default_rng(1)
    tokens = {field: random.normal(size=(2, 3, width)).astype("float32") for field, width in (("b", 4), ("a", 2))}
    masks = {"b": np.array([[True, True, False]] * 2), "a": None}
    present = {"b": np.array([True, False]), "a": None}
    keras.utils.set_random_seed(1)
    fusion = contracts.small(name, mk.Fusion)
    expected = fusion(tokens, masks, present).numpy()
    turned = [{field: values[field] for field in sorted(values)} for values in (tokens, masks, present)]
    assert [*turned[0]] != [*tokens]
    np.testing.assert_array_equal(fusion(*turned).numpy(), expected)
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(contracts.small(name, mk.Fusion)(*turned).numpy(), expected)


@every_fusion
def test_a_fusion_needs_neither_masks_nor_presence(name):
    tokens = {"a": np.ones((2, 3, 4), "float32"), "b": np.ones((2, 1, 2), "float32")}
    fusion = contracts.small(name, mk.Fusion)
    everything = {"a": np.ones((2, 3), bool), "b": np.ones((2, 1), bool)}
    here = {"a": np.ones(2, bool), "b": np.ones(2, bool)}
    np.testing.assert_allclose(fusion(tokens), fusion(tokens, everything, here), atol=1e-6)


@pytest.mark.oldest
@every_modality
def test_decode_runs_in_a_dataset_as_it_does_alone(name):
    (model,) = models("Modality", name).values()
    ((field, modality),) = parts(model).modalities.items()
    raw = contracts.raw_values(model)[field]
    dataset = tf.data.Dataset.from_tensor_slices(raw).batch(4).map(modality.decode)
    assert dataset.element_spec[0].shape[1:] == modality.tensor_spec().shape
    mapped = list(dataset.as_numpy_iterator())
    tensor, present = (part.numpy() for part in modality.decode(tf.constant(raw)))
    np.testing.assert_array_equal(np.concatenate([part[0] for part in mapped]), tensor)
    np.testing.assert_array_equal(np.concatenate([part[1] for part in mapped]), present)
    assert tensor.dtype == modality.tensor_spec().dtype.as_numpy_dtype
    assert [row for row in range(6) if not present[row]] == list(contracts.ABSENT.get(modality.kind, (1, 5)))


@every_modality
def test_a_modality_has_no_trainable_weights_and_keeps_its_specs(name):
    modality = contracts.small(name, mk.Modality)
    tensor = np.zeros((2, *modality.tensor_spec().shape), modality.tensor_spec().dtype.as_numpy_dtype)
    features, mask = split_steps(modality(tensor))
    spec = modality.feature_spec()
    assert not modality.trainable_variables
    assert tuple(features.shape[1:]) == tuple(spec.shape)
    assert keras.backend.standardize_dtype(features.dtype) == spec.dtype
    assert mask is None or tuple(mask.shape) == tuple(features.shape[:2])
    assert modality.contract()["kind"] == modality.kind


@every_encoder
def test_an_encoder_takes_some_kind_of_field(name):
    assert contracts.accepted(name)
    assert contracts.small(name, mk.Encoder).default_pooling in ("last", "max", "mean")


@every_head
def test_a_head_owns_its_loss_and_metrics(name):
    head = contracts.small(name, mk.Head)
    outputs = head(np.ones((2, 4), "float32"))
    targets = np.zeros((2, *head.target_shape), head.target_dtype)
    loss = head.default_loss()
    assert np.isfinite(loss(targets, outputs).numpy())
    assert type(loss).from_config(loss.get_config()).get_config() == loss.get_config()
    for metric in head.default_metrics():
        metric.update_state(targets, outputs, sample_weight=np.array([1.0, 0.0]))
        assert np.isfinite(float(metric.result()))
    assert head.targets([None, None])[1].tolist() == [0.0, 0.0]
    assert outputs.dtype == "float32"
    assert head.contract()["kind"] == head.kind
