"""KerasHub's backbones from preset folders that the tests write: no hub is asked."""

from __future__ import annotations

import contracts
import keras
import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.base import parts

hub = pytest.importorskip("keras_hub")

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "run", "##ning", "猫"]
PIXELS = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """A tiny BERT with its tokenizer, and a tiny vision transformer with its image converter."""
    folder = tmp_path_factory.mktemp("presets")
    keras.utils.set_random_seed(0)
    bert = hub.models.BertBackbone(
        vocabulary_size=len(PIECES),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=16,
    )
    bert.save_to_preset(str(folder / "bert"))
    hub.models.BertTokenizer(vocabulary=PIECES, lowercase=True).save_to_preset(str(folder / "bert"))
    vit = hub.models.ViTBackbone(
        image_shape=(32, 32, 3), patch_size=(8, 8), num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16
    )
    vit.save_to_preset(str(folder / "vit"))
    hub.layers.ViTImageConverter(image_size=(32, 32), scale=1 / 127.5, offset=-1.0).save_to_preset(str(folder / "vit"))
    return {"bert": str(folder / "bert"), "vit": str(folder / "vit")}, bert, vit


def model_with(field, modality, encoder):
    return mk.build_model(
        {field: modality}, {"task": mk.ClassificationHead(labels=["a", "b"])}, encoders={field: encoder}
    )


def text_model(preset, **arguments):
    symbols = mk.hub_symbols(preset)
    modality = mk.SequenceModality(8, unit="token", symbols=symbols)
    return model_with("text", modality, mk.HubEncoder(preset, **arguments))


def test_tokens_are_the_tokenizers_and_answers_the_backbones(presets):
    folders, bert, _ = presets
    texts = mk.hub_tokens(folders["bert"], ["The cats running", "猫"])
    assert texts == ["[CLS] the cat ##s run ##ning [SEP]", "[CLS] 猫 [SEP]"]
    model = text_model(folders["bert"])
    modality, encoder = parts(model).modalities["text"], parts(model).encoders["text"]
    ids = modality.decode(keras.ops.convert_to_tensor([text.encode() for text in texts]))[0]
    tokens, mask = encoder(*modality(ids))
    wanted = np.array([[2, 5, 6, 7, 8, 9, 3, 0], [2, 10, 3, 0, 0, 0, 0, 0]], "int32")
    shown = np.arange(8) < np.array([[7], [3]])
    theirs = bert({"token_ids": wanted, "segment_ids": np.zeros_like(wanted), "padding_mask": shown.astype("int32")})
    np.testing.assert_array_equal(mask, shown)
    np.testing.assert_allclose(tokens[mask], theirs["sequence_output"][shown], atol=1e-5)


def test_pictures_are_scaled_as_the_preset_says(presets):
    folders, _, vit = presets
    tokens = mk.HubEncoder(folders["vit"])(PIXELS)
    np.testing.assert_allclose(tokens, vit(PIXELS * 2 - 1), atol=1e-5)


def test_low_rank_matrices_alone_learn_and_are_merged_into_what_is_saved(presets, tmp_path):
    folders, _, _ = presets
    model = model_with("image", mk.ImageModality((32, 32)), mk.HubEncoder(folders["vit"], lora_rank=2))
    encoder = parts(model).encoders["image"]
    assert any("lora" in variable.path for variable in encoder.trainable_variables)
    assert not [variable.path for variable in encoder.trainable_variables if variable.path.endswith("/kernel")]
    inputs = {"image": (PIXELS * 255).astype("uint8")}
    before = model(inputs)["task"].numpy()
    model.compile(keras.optimizers.SGD(1.0), loss={"task": "sparse_categorical_crossentropy"})
    model.fit(inputs, {"task": np.array([0, 1])}, epochs=3, verbose=0)
    learned = model(inputs)["task"].numpy()
    assert np.abs(learned - before).max() > 1e-3
    keras.Model(model.input, model.output).save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(inputs)["task"], learned, atol=1e-5)
    assert not [variable for variable in again.variables if "lora" in variable.path]
    saved, lite = contracts.write_artefacts(model, tmp_path / "1")
    expected = {"task": learned}
    assert contracts.difference(saved.call("tensors", inputs), expected) < contracts.SAVEDMODEL_TOLERANCE
    assert contracts.difference(lite.call(inputs), expected) < contracts.TFLITE_TOLERANCE


class Killed(keras.callbacks.Callback):
    """Ends the process's work, as far as a test can, in the middle of the second epoch."""

    epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1:
            raise KeyboardInterrupt


def low_rank_training(preset, folder, callbacks=(), lora_rank=2):
    keras.utils.set_random_seed(0)
    pictures = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), "uint8")
    records = mk.data.Records.of([{"image": picture, "task": "ab"[row % 2]} for row, picture in enumerate(pictures)])
    model = model_with("image", mk.ImageModality((32, 32)), mk.HubEncoder(preset, lora_rank=lora_rank))
    options = {"epochs": 2, "batch_size": 2, "learning_rate": 0.1, "warmup_steps": 0, "verbose": 0}
    return mk.fit(model, records, output=folder, callbacks=callbacks, **options)


def test_low_rank_matrices_go_on_after_a_kill(presets, tmp_path):
    preset = presets[0]["vit"]
    with pytest.raises(KeyboardInterrupt):
        low_rank_training(preset, tmp_path / "killed", [Killed()])
    resumed = low_rank_training(preset, tmp_path / "killed")
    whole = low_rank_training(preset, tmp_path / "whole")
    assert len(resumed.history["loss"]) == 2
    assert resumed.history == whole.history
    assert resumed.history["loss"][1] != resumed.history["loss"][0]
    for one, other in zip(resumed.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)
    with pytest.raises(ValueError, match=r"A run folder goes on with the run that it began with"):
        low_rank_training(preset, tmp_path / "killed", lora_rank=1)


def test_the_picture_half_of_a_clip_is_taken_and_exported(tmp_path):
    keras.utils.set_random_seed(0)
    size = {"hidden_dim": 8, "num_layers": 1, "num_heads": 2, "intermediate_dim": 16}
    pictures = hub.models.CLIPVisionEncoder(patch_size=8, image_shape=(32, 32, 3), **size)
    texts = hub.models.CLIPTextEncoder(vocabulary_size=11, embedding_dim=8, max_sequence_length=8, **size)
    clip = hub.models.CLIPBackbone(vision_encoder=pictures, text_encoder=texts, projection_dim=8)
    clip.save_to_preset(str(tmp_path / "clip"))
    model = model_with("image", mk.ImageModality((32, 32)), mk.HubEncoder(str(tmp_path / "clip"), scale=2, offset=-1))
    np.testing.assert_allclose(parts(model).encoders["image"](PIXELS), pictures({"images": PIXELS * 2 - 1}), atol=1e-6)
    inputs = {"image": (PIXELS * 255).astype("uint8")}
    expected = {"task": model(inputs)["task"].numpy()}
    saved, lite = contracts.write_artefacts(model, tmp_path / "1")
    assert contracts.difference(saved.call("tensors", inputs), expected) < contracts.SAVEDMODEL_TOLERANCE
    assert contracts.difference(lite.call(inputs), expected) < contracts.TFLITE_TOLERANCE


def test_it_is_frozen_or_learns_from_a_layer_up(presets):
    folders, bert, _ = presets
    assert parts(text_model(folders["bert"])).encoders["text"].trainable_variables == []
    some = parts(text_model(folders["bert"], trainable="from:transformer_layer_0")).encoders["text"]
    assert 0 < len(some.trainable_variables) < len(bert.trainable_variables)
    assert all("transformer_layer_0" in v.path or "pooled" in v.path for v in some.trainable_variables)


def test_what_cannot_be_is_refused(presets, monkeypatch):
    folders, _, _ = presets
    with pytest.raises(ValueError, match=r"vocabulary of 1 words. Use SequenceModality\(unit='token'"):
        model_with("text", mk.TextModality(4, vocabulary=["a"]), mk.HubEncoder(folders["bert"]))
    with pytest.raises(ValueError, match=r"Received features \(24, 24, 3\) for ViTBackbone"):
        model_with("image", mk.ImageModality((24, 24)), mk.HubEncoder(folders["vit"]))
    with pytest.raises(ValueError, match=r"Received '/nowhere', which it cannot load"):
        mk.HubEncoder("/nowhere")(PIXELS)
    with pytest.raises(ValueError, match=r"Choose one of the two"):
        mk.HubEncoder(folders["vit"], lora_rank=2, trainable=True)
    with pytest.raises(ValueError, match=r"preset=None"):
        mk.HubEncoder()(PIXELS)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'multimodal-keras\[hub\]'"):
        mk.HubEncoder(folders["vit"])(PIXELS)
