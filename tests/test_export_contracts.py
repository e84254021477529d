"""Every registered class gives the numbers of the Keras model in both artefacts.

The export is slow, so that modalities, encoders and heads share one model, and all fusions that take absent modalities
in one form share one of a single field and one of three.
"""

from __future__ import annotations

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts import answer, beyond, tensors

from multimodal_keras.base import parts, presence_name
from multimodal_keras.exporting.savedmodel import EMBED, RAW, TENSORS


def check_savedmodel(model, saved):
    raw, inputs = contracts.raw_values(model), tensors(model)
    expected = answer(model, inputs)
    assert not beyond(saved.call(RAW, raw), expected, contracts.SAVEDMODEL_TOLERANCE)
    assert not beyond(saved.call(TENSORS, inputs), expected, contracts.SAVEDMODEL_TOLERANCE)
    alone = saved.call(RAW, {field: values[:1] for field, values in raw.items()})
    first = {task: values[:1] for task, values in expected.items()}
    assert not beyond(alone, first, contracts.SAVEDMODEL_TOLERANCE)
    fused = keras.Model(model.input, parts(model).fusion.output)(inputs)
    assert not beyond(saved.call(EMBED, raw), {"embedding": fused.numpy()}, contracts.SAVEDMODEL_TOLERANCE)


def check_tflite(model, lite):
    """One interpreter, called again and again: no state may be left from one record to the next."""
    inputs = tensors(model)
    everything = tensors(model, absent=False)
    without = [everything | {presence_name(field): np.zeros(6, bool)} for field in parts(model).optional]
    for batch in (inputs, contracts.disturbed(model, inputs, nan=True), everything, *without, inputs):
        assert not beyond(lite.call(batch), answer(model, batch), contracts.TFLITE_TOLERANCE)


def check_operators(lite):
    """Built-in operators only: none that a stock interpreter on a phone lacks."""
    names = {operator["op_name"] for operator in lite._interpreter._get_ops_details()}
    assert names
    assert not [name for name in names if name.startswith(("Flex", "CUSTOM")) or name != name.upper()]


def check_int8(model, lite):
    check_operators(lite)
    expected, given = answer(model, tensors(model)), lite.call(tensors(model))
    assert sorted(given) == sorted(expected)
    for task, values in expected.items():
        apart = np.abs(given[task] - values).max() / np.ptp(values)
        assert 0 < apart < contracts.INT8_TOLERANCE, task


def check_artefacts(model, folder):
    tf.io.gfile.makedirs(str(folder))
    saved, lite = contracts.write_artefacts(model, folder)
    check_savedmodel(model, saved)
    check_tflite(model, lite)
    check_operators(lite)


@pytest.mark.slow
def test_every_modality_encoder_and_head(tmp_path):
    keras.utils.set_random_seed(5)
    check_artefacts(contracts.every_component(), tmp_path / "1")


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [("text",), ("text", "frames", "numbers")], ids=len)
@pytest.mark.parametrize("missing", ["embed", "exclude"])
def test_every_fusion(missing, kinds, tmp_path):
    keras.utils.set_random_seed(5)
    model = contracts.every_fusion(missing, kinds)
    check_artefacts(model, tmp_path / "1")
    if len(kinds) > 1:
        check_int8(model, contracts.write_int8(model, tmp_path / "1"))
