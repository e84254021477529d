"""The `[io]` extra: tensorflow-io loads beside the oldest TensorFlow, and a model still trains and exports there."""

import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk


@pytest.mark.oldest
def test_model_exports_beside_tensorflow_io(tmp_path):
    tfio = pytest.importorskip("tensorflow_io", reason="only the [io] extra has it, beside TensorFlow 2.16")
    tone = tf.sin(tf.linspace(0.0, 100.0, 4410))[:, tf.newaxis]
    resampled = tfio.audio.resample(tone, rate_in=44100, rate_out=16000)
    assert resampled.shape[1] == 1
    assert np.isfinite(resampled.numpy()).all()
    records = mk.data.clipart().where(split="test").take(24)
    model = mk.build_model(
        {"title": mk.TextModality(8, optional=True), "image": mk.ImageModality((32, 32), optional=True)},
        {"colourful": mk.RegressionHead()},
        encoders={"title": mk.LSTMEncoder(8), "image": mk.Conv2DEncoder((8, 8))},
        adapt_to=records,
    )
    mk.fit(model, records, epochs=1, verbose=0)
    exported = mk.export(model, tmp_path / "1", sample=records)
    assert all(row.get("passed", True) for row in exported.parity["rows"])
