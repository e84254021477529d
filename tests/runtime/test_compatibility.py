"""What breaks which clients, rule by rule, on the contract of a real model; and the command that tells it."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys

import pytest
from plain_components import PlainEncoder

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.exporting import contract
from multimodal_keras.runtime.comparison import Promise, compare, read_promise

RAW, DEVICE, BOTH, NOBODY = ("raw",), ("device",), ("raw", "device"), ()


def a_model(title=None, image=None, fields=None, heads=None, fusion="MeanFusion"):
    modalities = {
        "title": mk.TextModality(**{"sequence_length": 4, "vocabulary": ["red", "cat", "猫"], **(title or {})}),
        "image": mk.ImageModality(**{"size": (8, 8), "optional": True, **(image or {})}),
        **(fields or {}),
    }
    return mk.build_model(
        {name: field for name, field in modalities.items() if field is not None},
        heads or {"sort": mk.ClassificationHead(labels=["a", "b", "c"]), "height": mk.RegressionHead(**HEIGHT)},
        encoders={name: PlainEncoder() for name, field in modalities.items() if field is not None},
        fusion=fusion,
    )


HEIGHT = {"unit": "cm", "mean": 1.0, "deviation": 2.0}


@pytest.fixture(scope="module")
def old():
    return contract(a_model())


def differences(old, new, clients=BOTH):
    found = compare(Promise(old, clients, {}), Promise(new, clients, {})).differences
    return {difference.place: difference.breaks for difference in found}


def heads(**changed):
    known = {"sort": mk.ClassificationHead(labels=["a", "b", "c"]), "height": mk.RegressionHead(**HEIGHT)}
    return {task: head for task, head in {**known, **changed}.items() if head is not None}


SORT, TITLE, IMAGE = "tasks.sort", "modalities.title", "modalities.image"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {}),
        # Fields.
        ({"fields": {"image": None}}, {IMAGE: BOTH}),
        ({"fields": {"note": mk.TextModality(vocabulary=["x"])}}, {"modalities.note": BOTH}),
        ({"fields": {"note": mk.TextModality(vocabulary=["x"], optional=True)}}, {"modalities.note": DEVICE}),
        ({"fields": {"image": mk.TextModality(vocabulary=["x"], optional=True)}}, {f"{IMAGE}.kind": BOTH}),
        ({"image": {"optional": False}}, {f"{IMAGE}.optional": BOTH}),
        ({"title": {"optional": True}}, {f"{TITLE}.optional": DEVICE}),
        # How text is decoded.
        ({"title": {"vocabulary": ["cat", "red", "猫"]}}, {f"{TITLE}.vocabulary": DEVICE}),
        ({"title": {"vocabulary": ["red", "cat", "猫", "dog"]}}, {f"{TITLE}.vocabulary": DEVICE}),
        ({"title": {"unit": "character"}}, {f"{TITLE}.unit": DEVICE}),
        ({"title": {"stop_words": ["the"]}}, {f"{TITLE}.stop_words": DEVICE}),
        ({"title": {"sequence_length": 5}}, {"tflite.inputs.title.shape": DEVICE}),
        # How pictures are decoded.
        ({"image": {"size": (8, 9)}}, {"tflite.inputs.image.shape": DEVICE}),
        ({"image": {"resize": "pad"}}, {f"{IMAGE}.resize": DEVICE}),
        ({"image": {"max_pixels": 1000}}, {f"{IMAGE}.max_pixels": RAW}),
        ({"image": {"max_pixels": 60_000_000}}, {f"{IMAGE}.max_pixels": NOBODY}),
        # Tasks.
        ({"heads": heads(sort=None)}, {SORT: BOTH}),
        ({"heads": heads(mood=mk.ClassificationHead(labels=["x", "y"]))}, {"tasks.mood": NOBODY}),
        ({"heads": heads(sort=mk.MultiLabelHead(labels=["a", "b", "c"]))}, {f"{SORT}.kind": BOTH}),
        ({"heads": heads(sort=mk.ClassificationHead(labels=["a", "b"]))}, {f"{SORT}.labels": BOTH}),
        ({"heads": heads(sort=mk.ClassificationHead(labels=["a", "b", "c", "d"]))}, {f"{SORT}.labels": BOTH}),
        ({"heads": heads(sort=mk.ClassificationHead(labels=["b", "a", "c"]))}, {f"{SORT}.labels": BOTH}),
        ({"heads": heads(height=mk.RegressionHead(**{**HEIGHT, "unit": "m"}))}, {"tasks.height.unit": BOTH}),
        # Another mean is inside the model: the value keeps its meaning.
        ({"heads": heads(height=mk.RegressionHead(**{**HEIGHT, "mean": 9.0}))}, {}),
    ],
)
def test_models_that_were_built_otherwise(old, changed, expected):
    """One difference gives one line, whatever else of the contract follows from it."""
    assert differences(old, contract(a_model(**changed))) == expected


def edited(content, change):
    new = copy.deepcopy(content)
    change(new)
    return new


def renamed(facts, old, new):
    facts[new] = facts.pop(old)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda new: new["code_points"]["lower"].pop(), {"code_points": DEVICE}),
        (lambda new: new["signatures"].pop("embed"), {"signatures.embed": RAW}),
        (lambda new: new["signatures"].update(more=new["signatures"]["embed"]), {"signatures.more": NOBODY}),
        (
            lambda new: new["signatures"]["embed"]["outputs"]["embedding"].update(shape=[None, 7]),
            {"signatures.embed.outputs.embedding.shape": RAW},
        ),
        (
            lambda new: new["signatures"]["serving_default"]["inputs"]["title"].update(shape=[None, 1]),
            {f"signatures.{name}.inputs.title.shape": RAW for name in ("serving_default", "embed", "explain")},
        ),
        (
            lambda new: renamed(new["tflite"]["outputs"], "sort", "order"),
            {"tflite.outputs.sort": DEVICE, "tflite.outputs.order": NOBODY},
        ),
        (
            lambda new: renamed(new["tflite"]["inputs"], "image", "photo"),
            {"tflite.inputs.image": DEVICE, "tflite.inputs.photo": DEVICE},
        ),
        (lambda new: new["tflite"]["inputs"]["image"].update(dtype="float32"), {"tflite.inputs.image.dtype": DEVICE}),
        (lambda new: new["tflite"].update(signature="other"), {"tflite.signature": DEVICE}),
        (lambda new: new["tflite"].update(stateful=True, warning="resets"), {"tflite.stateful": DEVICE}),
        (lambda new: new["tflite"].update(quantize="int8"), {"tflite.quantize": NOBODY}),
        (lambda new: new["tflite"].update(explain={"outputs": {}}), {"tflite.explain": NOBODY}),
        (lambda new: new["signatures"].pop("explain"), {"signatures.explain": RAW}),
        (lambda new: new["modalities"]["image"].update(channels="BGR"), {f"{IMAGE}.channels": DEVICE}),
        (lambda new: new["modalities"]["image"].update(range=[0, 1]), {f"{IMAGE}.range": DEVICE}),
        (lambda new: new["tasks"]["sort"].update(range=[0, 100]), {f"{SORT}.range": BOTH}),
        (lambda new: new["package"].update(keras="4.0"), {}),
        # What the old contract did not promise.
        (lambda new: new["modalities"]["image"].update(colour_space="sRGB"), {}),
    ],
)
def test_contracts_that_say_something_else(old, change, expected):
    assert differences(old, edited(old, change)) == expected


def test_a_state_or_a_scale_that_is_gone_or_other_breaks_nobody(old):
    stateful = edited(old, lambda new: new["tflite"].update(stateful=True))
    assert differences(stateful, old) == {"tflite.stateful": NOBODY}
    scaled = [
        edited(old, lambda new, scale=scale: new["tflite"]["outputs"]["sort"].update(dtype="int8", quantization=scale))
        for scale in ({"scale": 0.1, "zero_point": 0}, {"scale": 0.2, "zero_point": 0})
    ]
    assert differences(*scaled) == {"tflite.outputs.sort.quantization": NOBODY}
    assert differences(old, scaled[0]) == {"tflite.outputs.sort.dtype": DEVICE}


def test_facts_of_a_kind_that_is_not_known_here_concern_everybody(old):
    """Nobody can say whether only decoding changed."""
    before = edited(old, lambda new: new["modalities"]["image"].update(kind="frames", rate=10))
    after = edited(before, lambda new: new["modalities"]["image"].update(rate=20))
    assert differences(before, after) == {f"{IMAGE}.rate": BOTH}


def test_a_second_task_is_told_with_a_warning_for_clients_that_know_one(old):
    """TensorFlow Serving answers bare values for one output, and objects for several."""
    one = contract(a_model(heads=heads(height=None)))
    said = [str(found) for found in compare(Promise(one, BOTH, {}), Promise(old, BOTH, {})).differences]
    assert said == [
        "compatible          tasks.height: added; TensorFlow Serving and /v1 name the outputs now that there are several"
    ]


def test_a_fusion_that_concatenates_changes_the_embedding_with_each_field():
    more = {"fields": {"note": mk.TextModality(vocabulary=["x"], optional=True)}}
    old, new = (contract(a_model(fusion="ConcatFusion", **changed)) for changed in ({}, more))
    assert differences(old, new) == {"modalities.note": DEVICE, "signatures.embed.outputs.embedding.shape": RAW}


def test_what_is_said_of_labels_and_tokens_names_them(old):
    new = a_model(
        title={"vocabulary": ["red", "猫", "dog"]}, heads=heads(sort=mk.ClassificationHead(labels=["c", "a", "z"]))
    )
    said = "\n".join(map(str, compare(Promise(old, BOTH, {}), Promise(contract(new), BOTH, {})).differences))
    assert "1 tokens removed, 1 added, 1 with another id" in said
    assert "removed ['b']; added ['z']; another order" in said


def test_only_clients_of_the_old_export_decide(old):
    """Nobody has a TFLite file of it, so that no phone can be broken."""
    new = contract(a_model(title={"vocabulary": ["dog"]}))
    for clients, compatible in ((RAW, True), (DEVICE, False), (BOTH, False)):
        found = compare(Promise(old, clients, {}), Promise(new, BOTH, {}))
        assert found.compatible is compatible
        facts = found.to_json()
        assert facts["raw"] == {"compatible": True, "decides": "raw" in clients}
        assert facts["device"] == {"compatible": False, "decides": "device" in clients}


@pytest.fixture(scope="module")
def exports(clipart, tmp_path_factory):
    """Two exports of which the second has learned another vocabulary, and no int8 file any more."""
    folder = tmp_path_factory.mktemp("exports")
    sample = mk.data.Records.of([{"title": "red cat", "image": next(iter(clipart))["image"]}], folder=clipart.folder)
    mk.export(a_model(), folder / "1", sample=sample, quantize=["float32", "dynamic"], max_metric_drop=1.0)
    mk.export(a_model(title={"vocabulary": ["dog"]}), folder / "2", sample=sample)
    mk.export(a_model(), folder / "server", sample=sample, tflite=False)
    return folder


def test_exports_are_compared_file_by_file(exports):
    found = compare(read_promise(exports / "1"), read_promise(exports / "2"))
    assert {difference.place: difference.breaks for difference in found.differences} == {
        f"{TITLE}.vocabulary": DEVICE,
        "model.dynamic.tflite": DEVICE,
    }
    back = compare(read_promise(exports / "2"), read_promise(exports / "1"))
    assert {difference.place: difference.breaks for difference in back.differences} == {
        f"{TITLE}.vocabulary": DEVICE,
        "model.dynamic.tflite": NOBODY,
    }


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("1", "1", 0, "no difference"),
        ("1", "2", 1, "breaks device       modalities.title.vocabulary: 3 tokens removed, 1 added"),
        ("server", "2", 0, "device clients cannot use the new one (decides nothing: the old one has no TFLite file)"),
        ("1", "server", 1, "there is no TFLite file"),
        ("1", "1/model.tflite", 1, "there is no SavedModel"),
        ("1/model.tflite", "1", 0, "raw clients can use the new one (decides nothing: the old one has no SavedModel)"),
        ("1/model.tflite", "1/model.dynamic.tflite", 0, "compatible          tflite.quantize: float32 became dynamic"),
        ("1/model.tflite", "2/model.tflite", 1, "modalities.title.vocabulary"),
        ("1/contract.json", "2/contract.json", 1, "modalities.title.vocabulary"),
        ("1", "nowhere", 2, "nowhere"),
        ("1", "nowhere.json", 2, "A contract is a JSON file that export wrote"),
    ],
)
def test_the_exit_code_tells_whether_clients_can_go_on(exports, old, new, code, said, capsys):
    assert main(["contract", "diff", str(exports / old), str(exports / new)]) == code
    told = capsys.readouterr()
    assert said in (told.err if code == 2 else told.out)


def test_as_json(exports, capsys):
    assert main(["contract", "diff", str(exports / "1"), str(exports / "2"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["compatible"] is False
    assert found["raw"] == {"compatible": True, "decides": True}
    assert found["device"] == {"compatible": False, "decides": True}
    assert found["differences"][0] == {
        "place": f"{TITLE}.vocabulary",
        "change": "3 tokens removed, 1 added, 0 with another id",
        "breaks": ["device"],
    }


def test_a_contract_of_a_later_format_is_refused(exports, tmp_path):
    shutil.copy(exports / "1" / "contract.json", tmp_path)
    content = json.loads((tmp_path / "contract.json").read_text(encoding="utf-8"))
    (tmp_path / "contract.json").write_text(json.dumps({**content, "format": 2}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"Contracts of format 1.*Received .* of format 2.*Use the version"):
        read_promise(tmp_path / "contract.json")


def test_it_needs_no_tensorflow(exports):
    code = (
        "import sys; from multimodal_keras.cli import main; status = main(sys.argv[1:]);"
        "assert not {'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules); sys.exit(status)"
    )
    command = [sys.executable, "-c", code, "contract", "diff", str(exports / "1"), str(exports / "2")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert "device clients cannot use the new one" in done.stdout
