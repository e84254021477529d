"""`multimodal-keras train`: files, flags, plugins, mistakes."""

import json

import pytest
import yaml

from multimodal_keras.cli import main
from multimodal_keras.cli.main import parser
from multimodal_keras.cli.train import override

PLUGIN = '''
"""An encoder of somebody else."""

import keras

import multimodal_keras as mk


@mk.register
class HalvedEncoder(mk.EmbeddingEncoder):
    """Embeds, and halves."""

    def call(self, features, step_mask=None, training=None):
        tokens, mask = super().call(features, step_mask, training)
        return tokens / 2, mask
'''


UNIMODAL = {"class_name": "UnimodalScheme", "config": {"weight": 0.5}}


def overridden(content, *flags):
    return override(content, parser().parse_args(["train", *flags]))


def test_flags_name_modalities_and_heads():
    flags = ["--text", "title,summary", "--image", "image", "--optional", "image", "--classify", "subject"]
    found = overridden({}, *flags, "--regress", "price", "--data", "rows.csv", "--plugin", "mine.py")
    assert {field: part["class_name"] for field, part in found["modalities"].items()} == {
        "title": "TextModality",
        "summary": "TextModality",
        "image": "ImageModality",
    }
    assert [part["config"]["optional"] for part in found["modalities"].values()] == [False, False, True]
    assert found["heads"] == {"subject": "ClassificationHead", "price": "RegressionHead"}
    assert (found["data"], found["plugins"]) == ("rows.csv", ["mine.py"])


def test_flags_override_fields_of_the_same_name_and_no_others():
    content = {"data": "a.csv", "fusion": "MeanFusion", "training": {"epochs": 5, "seed": 3}}
    found = overridden(content, "--data", "b.csv", "--epochs", "7", "--cache", "none")
    assert found == {"data": "b.csv", "fusion": "MeanFusion", "training": {"epochs": 7, "seed": 3, "cache": None}}
    assert content["training"] == {"epochs": 5, "seed": 3}
    around = overridden({}, "--balance", "PCGradBalance", "--scheme", "UnimodalScheme", "--scheme", "CorruptionScheme")
    assert around["training"] == {"balance": "PCGradBalance", "schemes": ["UnimodalScheme", "CorruptionScheme"]}


@pytest.mark.parametrize(
    ("flags", "split"),
    [
        (["--split", "part"], "part"),
        (["--split", "0.5,0.5"], {"fractions": [0.5, 0.5]}),
        (["--split-by", "subject", "--group", "group"], {"by": "subject", "group": "group"}),
    ],
    ids=["column", "fractions", "by and group"],
)
def test_the_split_is_fractions_or_a_column(flags, split):
    assert overridden({}, *flags)["split"] == split


def test_an_unknown_key_is_one_line_with_the_nearest_one(spec, tmp_path, capsys):
    content = yaml.safe_load(spec.read_text())
    wrong = tmp_path / "wrong.yaml"
    for place, key in ((content, "fussion"), (content["training"], "epoch")):
        place[key] = "1"
        wrong.write_text(yaml.safe_dump(content), encoding="utf-8")
        assert main(["train", str(wrong)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"{key}. Did you mean" in error
        del place[key]


@pytest.mark.slow
def test_a_run_folder_holds_all_that_repeats_it(run):
    kept = yaml.safe_load((run / "run.yaml").read_text())
    assert (kept["training"]["epochs"], kept["training"]["batch_size"]) == (1, 16)
    assert kept["output"] == str(run)
    facts = json.loads((run / "run.json").read_text())
    assert facts["records"] == {"train": 36, "valid": 12}
    assert (run / "model.keras").exists()
    assert len((run / "history.csv").read_text().splitlines()) == 2


@pytest.mark.slow
def test_the_same_command_again_goes_on(run, capsys):
    before = (run / "history.csv").read_text()
    assert main(["train", str(run / "run.yaml")]) == 0
    assert "best epoch 1 of 1" in capsys.readouterr().out
    assert (run / "history.csv").read_text() == before


@pytest.mark.slow
def test_a_plugin_is_found_by_name_when_training_and_afterwards(rows, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "halved_plugin.py").write_text(PLUGIN, encoding="utf-8")
    encoder = {"class_name": "HalvedEncoder", "config": {"embedding_width": 4}}
    content = {"encoders": {"title": encoder}, "split": "split", "training": {"patience": None, "schemes": [UNIMODAL]}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    flags = ["--data", str(rows), "--text", "title", "--classify", "subject", "--epochs", "1", "--output", "run"]
    assert main(["train", "run.yaml", "--plugin", "halved_plugin.py", *flags]) == 0
    assert yaml.safe_load((tmp_path / "run" / "run.yaml").read_text())["training"]["schemes"] == [UNIMODAL]
    assert "val_unimodal_title_loss" in json.loads((tmp_path / "run" / "history.json").read_text())
    assert main(["inspect", "run"]) == 0
    forget_plugin()
    capsys.readouterr()
    assert main(["predict", "run", "--data", str(rows)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 60


def forget_plugin():
    """As in a new process."""
    import sys

    import keras

    for name, cls in list(keras.saving.get_custom_objects().items()):
        if name.endswith("HalvedEncoder"):
            del keras.saving.get_custom_objects()[name]
            keras.src.saving.object_registration.GLOBAL_CUSTOM_NAMES.pop(cls, None)
    sys.modules.pop("halved_plugin", None)


def test_a_plugin_that_is_not_there(rows, tmp_path, capsys):
    flags = ["--data", str(rows), "--text", "title", "--classify", "subject", "--output", str(tmp_path / "run")]
    assert main(["train", *flags, "--plugin", "nowhere.py"]) == 2
    assert "'nowhere.py', which is not there" in capsys.readouterr().err


def test_records_that_lack_a_field(rows, tmp_path, capsys):
    flags = ["--data", str(rows), "--text", "caption", "--classify", "subject", "--output", str(tmp_path / "run")]
    assert main(["train", *flags]) == 2
    error = capsys.readouterr().err
    assert "caption" in error
    assert error.count("\n") == 1
