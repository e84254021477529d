"""From what models answered to a table: by hand, without a model."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.comparing.pareto import pareto_front
from multimodal_keras.comparing.plan import make_plan
from multimodal_keras.comparing.result import Comparison
from multimodal_keras.comparing.store import Store
from multimodal_keras.comparing.summary import summarize

ROOT = Path(__file__).parents[2]
RECORDS, SEEDS, RESAMPLES = 40, 2, 300


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    rows = [f"word {number},{'ab'[number % 2]},{('train', 'valid', 'test')[number % 3]}" for number in range(30)]
    path.write_text("\n".join(["title,topic,split", *rows]))
    return path


@pytest.fixture(scope="module")
def run(data):
    return {
        "data": str(data),
        "split": "split",
        "modalities": {"title": "TextModality"},
        "heads": {"topic": "ClassificationHead"},
    }


def answered(right, seed):
    """Probabilities of two labels that are right so often, and the truth."""
    random = np.random.default_rng(seed)
    truth = random.integers(2, size=RECORDS)
    answer = np.where(random.random(RECORDS) < right, truth, 1 - truth)
    return truth, np.eye(2, dtype="float32")[answer] * 0.8 + 0.1


@pytest.fixture(scope="module")
def stored(run, tmp_path_factory):
    """Two fusions with two seeds that were answered by chance, and one whose training failed."""
    plan = make_plan(run, ["MeanFusion", "ConcatFusion", "MaxFusion"], SEEDS, export=False)
    store = Store(tmp_path_factory.mktemp("store"))
    store.begin(plan, restart=False)
    kept = {}
    for job in plan.jobs():
        if job.name == "MaxFusion":
            continue
        _, full = answered(0.9 if job.name == "MeanFusion" else 0.6, 10 * job.seed + len(job.name))
        truth, part = answered(0.5, 3)
        kept[job.name, job.seed] = truth, full
        result = {
            "name": job.name,
            "seed": job.seed,
            "parameters": 1000 if job.name == "MeanFusion" else 2000,
            "seconds": 2.0 + job.seed,
            "cpu_seconds": 3.0 + job.seed,
            "load_before": 1.5 + job.seed,
            "epochs": 4,
            "best_epoch": 2,
            "tasks": {
                "topic": {"kind": "classification", "labels": ["a", "b"], "labelled": RECORDS, "metric": "accuracy"}
            },
        }
        answers = {
            "topic/truth": truth,
            "topic/weights": np.ones(RECORDS, "float32"),
            "topic/from": np.array(["image", "image+title"]),
            "topic/from/image": part,
            "topic/from/image+title": full,
        }
        store.keep(job, result, answers)
    return store, plan, kept


@pytest.fixture(scope="module")
def found(stored):
    store, plan, _ = stored
    return summarize(store, plan, {"MaxFusion": "seed 0: out of memory"}, bootstrap=RESAMPLES)


def test_values_are_means_over_seeds(found, stored):
    _, _, kept = stored
    row = found.row("MeanFusion")
    by_seed = [float(np.mean(kept["MeanFusion", seed][1].argmax(1) == kept["MeanFusion", seed][0])) for seed in (0, 1)]
    assert row.tasks["topic"].by_seed == pytest.approx(by_seed)
    assert row.tasks["topic"].value == pytest.approx(np.mean(by_seed))
    assert (row.seconds, row.cpu_seconds, row.seeds) == (2.5, 3.5, [0, 1])
    assert row.tasks["topic"].area == pytest.approx((row.tasks["topic"].subsets["image"] + np.mean(by_seed)) / 2)


def test_the_interval_is_paired_by_record_and_seed(found, stored):
    """Done again with nothing but numpy: the same records and the same seeds are drawn for both."""
    _, _, kept = stored
    right = {key: (full.argmax(1) == truth).astype(float) for key, (truth, full) in kept.items()}
    records, seeds = np.random.default_rng(0), np.random.default_rng(0)
    drawn_seeds = seeds.integers(SEEDS, size=(RESAMPLES, SEEDS))
    differences = []
    for at in range(RESAMPLES):
        rows = records.integers(RECORDS, size=RECORDS)
        gains = [right["MeanFusion", s][rows].mean() - right["ConcatFusion", s][rows].mean() for s in drawn_seeds[at]]
        differences.append(np.mean(gains))
    against = found.row("MeanFusion").tasks["topic"].against
    assert found.reference == "ConcatFusion"
    assert (against["low"], against["high"]) == pytest.approx(tuple(np.percentile(differences, [2.5, 97.5])))
    assert against["value"] == pytest.approx(
        np.mean([right["MeanFusion", s].mean() - right["ConcatFusion", s].mean() for s in (0, 1)])
    )
    assert against["outside"] == (not against["low"] <= 0 <= against["high"])
    assert found.row("ConcatFusion").tasks["topic"].against is None


def test_the_table_is_sorted_and_tells_errors_last(found):
    lines = str(found).splitlines()
    names = [line.split()[0] for line in lines[3:6]]
    values = [row.tasks["topic"].value for row in found.rows if row.tasks]
    assert names == [row.name for row in found.rows]
    assert values == sorted(values, reverse=True)
    assert lines[5].split(None, 1) == ["MaxFusion", "seed 0: out of memory"]
    assert "Not finished: 4 of 6 trainings" in str(found)
    assert "1.5 to 2.5 processes wanted one" in str(found)
    assert "| MaxFusion | seed 0: out of memory |" in found.markdown()


def test_an_error_is_better_the_lower(found):
    tasks = {"topic": {**found.tasks["topic"], "lower_is_better": True}}
    turned = Comparison(list(found.rows), tasks, found.seeds, found.reference, found.settings, found.machine)
    values = [row.tasks["topic"].value for row in turned.sorted_by("topic") if row.tasks]
    assert values == sorted(values)
    assert turned.sorted_by("topic")[-1].name == "MaxFusion"


def test_saved_and_read_again_it_shows_the_same(found, tmp_path):
    folder = found.save(tmp_path)
    assert {path.name for path in folder.iterdir()} == {
        "comparison.json",
        "comparison.md",
        "comparison.txt",
        "pareto_topic.png",
    }
    again = Comparison.load(folder / "comparison.json")
    assert again.markdown() == found.markdown()
    assert again.to_json() == found.to_json()
    with pytest.raises(ValueError, match="Compare again"):
        Comparison.load(folder / "comparison.md")


def test_another_reference(stored):
    store, plan, _ = stored
    found = summarize(store, plan, {}, "MeanFusion", 0)
    assert found.row("ConcatFusion").tasks["topic"].against["low"] is None
    assert found.row("MeanFusion").tasks["topic"].against is None
    with pytest.raises(ValueError, match="Received 'MaxFusion'"):
        summarize(store, plan, {}, "MaxFusion", 0)


def test_the_front_is_what_nothing_beats_in_both():
    points = {"a": (0.1, 9.0), "b": (0.2, 3.0), "c": (0.2, 4.0), "d": (0.3, 3.0), "e": (0.9, 1.0), "f": (0.2, 3.0)}
    assert pareto_front(points) == ["a", "b", "f", "e"]
    assert pareto_front({}) == []


def test_other_options_are_refused_by_name_and_more_seeds_are_not(stored, run):
    store, plan, _ = stored
    store.begin(make_plan(run, "all", 5, export=True), restart=False)
    other = {**run, "training": {"epochs": 3}, "modalities": {"title": {"class_name": "TextModality", "config": {}}}}
    with pytest.raises(ValueError, match=r"others: spec\.modalities\.title, spec\.training\.epochs\. .*--restart"):
        store.begin(make_plan(other, "all", 5, export=True), restart=False)
    assert all(store.result(job) for job in plan.jobs() if job.name != "MaxFusion")


def test_one_process_at_a_time_and_nothing_unfinished_stays(stored, run, tmp_path):
    store = Store(tmp_path / "store")
    with store.alone():
        with pytest.raises(ValueError, match="where another one does"), Store(tmp_path / "store").alone():
            pass
        (store.folder / "exported" / ".Mean-killed" / "made").mkdir(parents=True)
        store.begin(stored[1], restart=False)
    assert not list((store.folder / "exported").iterdir())
    with store.alone():
        pass


def test_a_plan_says_what_is_wrong(run, tmp_path):
    assert len(make_plan(run, "all", 1, export=True).fusions) >= 28
    jobs = make_plan(run, "MeanFusion, MaxFusion", (4, 7), export=True).jobs()
    assert [(job.name, job.seed, job.export) for job in jobs] == [
        ("MeanFusion", 4, True),
        ("MaxFusion", 4, True),
        ("MeanFusion", 7, False),
        ("MaxFusion", 7, False),
    ]
    with pytest.raises(ValueError, match="Received 'MeanFusoin'"):
        make_plan(run, "MeanFusoin", 1, export=True)
    for twice in ("MaxFusion,MaxFusion", [mk.MaxFusion(width=4), mk.MaxFusion(width=8)]):
        with pytest.raises(ValueError, match=r"a name of its own. Received MaxFusion twice. .* a mapping of name"):
            make_plan(run, twice, 1, False)
    with pytest.raises(TypeError, match=r"fusions is 'all', names, or a mapping .* Received a MaxFusion. Pass"):
        make_plan(run, mk.MaxFusion(), 1, False)
    with pytest.raises(ValueError, match="one or more fusions"):
        make_plan(run, {"../mean": "MeanFusion"}, 1, export=True)
    with pytest.raises(ValueError, match="seeds is how many"):
        make_plan(run, "all", 0, export=True)
    with pytest.raises(ValueError, match="compared on test records"):
        make_plan({**run, "split": {"fractions": [0.5, 0.5]}}, "all", 1, export=True)
    with pytest.raises(
        ValueError, match=r"The reference is one of the fusions. Received 'MaxFusion'. Known: MeanFusion"
    ):
        mk.compare(run, fusions="MeanFusion", reference="MaxFusion", output=tmp_path / "compared")
    assert not (tmp_path / "compared").exists()  # nothing was trained for it
    with pytest.raises(TypeError, match="A comparison is of a run"):
        make_plan(7, "all", 1, export=True)


def test_the_readme_shows_what_is_stored():
    """Table and JSON cannot drift: `python benchmarks/fusions.py --table-only` writes the one from the other."""
    script = importlib.util.spec_from_file_location("fusions", ROOT / "benchmarks" / "fusions.py")
    fusions = importlib.util.module_from_spec(script)
    script.loader.exec_module(fusions)
    readme = fusions.README.read_text(encoding="utf-8")
    assert readme.count("Fusion |") >= 28
    assert readme == fusions.with_table(readme, Comparison.load(fusions.STORED))
