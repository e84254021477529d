from collections import Counter, defaultdict

import numpy as np
import pytest

import multimodal_keras as mk


def records_of(rows):
    return mk.data.Records.of(rows)


def random_rows(seed, count=400, groups=60):
    random = np.random.default_rng(seed)
    return [
        {
            "text": f"text {random.integers(count)}",
            "topic": str(random.choice(["a", "b", "c"], p=[0.7, 0.25, 0.05])),
            "family": f"family {random.integers(groups)}",
        }
        for _ in range(count)
    ]


def texts(part):
    return sorted(str(sorted(record.items())) for record in part)


def test_parts_are_deterministic_and_complete():
    rows = random_rows(0)
    parts = records_of(rows).split(0.7, 0.2, 0.1)
    again = records_of(rows).split(0.7, 0.2, 0.1)
    assert [list(part) for part in parts] == [list(part) for part in again]
    assert sorted(text for part in parts for text in texts(part)) == texts(rows)
    assert [part.known_length for part in parts] == [len(list(iter(part))) for part in parts]
    other = records_of(rows).split(0.7, 0.2, 0.1, seed=1)
    assert texts(parts[0]) != texts(other[0])


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_rows_does_not_count(seed):
    rows = random_rows(seed)
    mixed = [rows[index] for index in np.random.default_rng(seed).permutation(len(rows))]
    for options in ({}, {"by": "topic"}, {"group": "family"}, {"by": "topic", "group": "family"}):
        one = records_of(rows).split(0.6, 0.4, **options)
        other = records_of(mixed).split(0.6, 0.4, **options)
        assert [texts(part) for part in one] == [texts(part) for part in other]


@pytest.mark.parametrize("seed", range(5))
def test_groups_and_identical_records_never_cross(seed):
    rows = random_rows(seed)
    rows += rows[:50]
    grouped = records_of(rows).split(0.5, 0.3, 0.2, by="topic", group="family")
    families = [set(part.values("family")) for part in grouped]
    assert sum(map(len, families)) == len(set.union(*families))
    plain = [set(texts(part)) for part in records_of(rows).split(0.5, 0.3, 0.2, by="topic")]
    assert sum(map(len, plain)) == len(set.union(*plain))
    assert sum(map(len, grouped)) == len(rows)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10, 100])
def test_each_stratum_is_off_by_less_than_one_record(seed, size):
    rows = [{"text": f"{topic} {number}", "topic": topic} for topic in "abcdef" for number in range(size)]
    fractions = (0.8, 0.1, 0.1)
    counts = [Counter(part.values("topic")) for part in records_of(rows).split(*fractions, by="topic", seed=seed)]
    for topic in "abcdef":
        assert counts[0][topic] >= 1
        for count, fraction in zip(counts, fractions, strict=True):
            assert abs(count[topic] - fraction * size) < 1 + (size == 1)


def test_small_strata_do_not_starve_a_small_part():
    rows = [{"text": f"{topic} {number}", "topic": str(topic)} for topic in range(200) for number in range(4)]
    sizes = [len(part) for part in records_of(rows).split(0.8, 0.1, 0.1, by="topic")]
    np.testing.assert_allclose(sizes, [640, 80, 80], atol=25)


def test_exact_where_it_can_be():
    rows = [{"text": str(number)} for number in range(1000)]
    assert [len(part) for part in records_of(rows).split(0.8, 0.1, 0.1)] == [800, 100, 100]
    assert [len(part) for part in records_of(rows).split(1 / 3, 1 / 3, 1 / 3)] in (
        [333, 333, 334],
        [333, 334, 333],
        [334, 333, 333],
    )
    assert [len(part) for part in records_of(rows).split(1.0)] == [1000]


def test_appended_rows_move_few():
    rows = [{"text": str(number), "topic": "ab"[number % 2]} for number in range(2200)]
    before = records_of(rows[:2000]).split(0.8, 0.2, by="topic")
    after = records_of(rows).split(0.8, 0.2, by="topic")
    moved = set(before[0].values("text")) & set(after[1].values("text"))
    moved |= set(before[1].values("text")) & set(after[0].values("text"))
    assert len(moved) < 60


def test_records_without_a_group_are_groups_of_their_own():
    rows = [{"text": str(number), "family": None} for number in range(100)]
    assert [len(part) for part in records_of(rows).split(0.5, 0.5, group="family")] == [50, 50]


def test_a_group_counts_for_its_most_frequent_stratum():
    rows = [
        {"text": f"{family} {number}", "family": family, "topic": "a" if number < 3 else "b"}
        for family in range(40)
        for number in range(5)
    ]
    parts = records_of(rows).split(0.5, 0.5, by="topic", group="family")
    topics = defaultdict(Counter)
    for part in parts:
        for record in part:
            topics[record["family"]][record["topic"]] += 1
    assert [len(part) for part in parts] == [100, 100]
    assert all(count == {"a": 3, "b": 2} for count in topics.values())


@pytest.mark.parametrize("fractions", [(), (0.5,), (0.5, 0.6), (1.5, -0.5), ("a", 0.5)])
def test_fractions_sum_to_one(fractions):
    with pytest.raises(ValueError, match="sum to 1"):
        records_of([{"a": "b"}]).split(*fractions)


def test_unknown_and_unsuitable_columns():
    records = records_of([{"text": str(number)} for number in range(50)])
    with pytest.raises(ValueError, match=r"Received 'topic'. Columns: text"):
        records.split(0.5, 0.5, by="topic")
    with pytest.raises(ValueError, match=r"Received 'family'"):
        records.split(0.5, 0.5, group="family")
    with pytest.raises(ValueError, match=r"a column of few values. Received 'text' with 50 values"):
        records.split(0.5, 0.5, by="text")


def test_parts_refuse_a_source_that_changed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n2\n3\n4\n")
    part, _ = mk.data.read(path).split(0.5, 0.5)
    path.write_text("x\n5\n")
    with pytest.raises(ValueError, match="Split again"):
        list(iter(part))


def test_no_records_split_into_none():
    assert [len(part) for part in records_of([]).split(0.5, 0.5, by="topic")] == [0, 0]
