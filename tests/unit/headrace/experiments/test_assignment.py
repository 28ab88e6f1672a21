"""Who is in which arm: even, independent, stable, and moved as little as can be."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from scipy import stats

from headrace.experiments.assignment import arm_of, place_of
from headrace.experiments.experiments import Experiments
from tests.unit.headrace.experiments.trying import T0, experiment

SUBJECTS = [f"subject-{number}" for number in range(20_000)]
FAR = 1e-4
"""A p-value under which a test of chance fails; the hashes are what they are, so it doesn't fail now and then."""


def test_places_are_uniform() -> None:
    places = [place_of("salt", "traffic", subject) for subject in SUBJECTS]
    assert stats.kstest(places, "uniform").pvalue > FAR
    assert min(places) > 0 and max(places) < 1


@pytest.mark.parametrize("shares", [{"a": 0.5, "b": 0.5}, {"a": 0.2, "b": 0.3, "c": 0.45, "d": 0.05}])
def test_arms_get_their_shares(shares: dict[str, float]) -> None:
    found = Counter(arm_of("salt", subject, shares) for subject in SUBJECTS)
    expected = [share * len(SUBJECTS) for share in shares.values()]
    assert stats.chisquare([found[arm] for arm in shares], expected).pvalue > FAR


def test_arms_of_two_experiments_are_independent() -> None:
    shares = {"control": 0.5, "varied": 0.5}
    pairs = Counter((arm_of("one", each, shares), arm_of("two", each, shares)) for each in SUBJECTS)
    table = [[pairs[first, second] for second in shares] for first in shares]
    assert stats.chi2_contingency(table).pvalue > FAR


def test_traffic_says_nothing_of_the_arm() -> None:
    shares = {"control": 0.5, "varied": 0.5}
    table = Counter((place_of("one", "traffic", each) < 0.3, arm_of("one", each, shares)) for each in SUBJECTS)
    counts = [[table[is_in, arm] for arm in shares] for is_in in (True, False)]
    assert stats.chi2_contingency(counts).pvalue > FAR


def test_assignment_is_the_same_in_another_process() -> None:
    code = (
        "from headrace.experiments.assignment import arm_of;"
        "print(*(arm_of('salt', f'subject-{n}', {'a': .3, 'b': .7}) for n in range(50)))"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.split() == [arm_of("salt", subject, {"a": 0.3, "b": 0.7}) for subject in SUBJECTS[:50]]


def test_assignment_stays_as_it_was_when_people_were_first_assigned() -> None:
    assert place_of("home_variety", "traffic", "AAAAAAAAAAAAAAAAAAAAAA") == pytest.approx(0.1695654842472521, abs=1e-15)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.4}),
        ({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, {"a": 0.5, "b": 0.25, "c": 0.25}),
        ({"a": 0.5, "b": 0.5}, {"a": 0.4, "b": 0.4, "c": 0.2}),
        ({"a": 0.4, "b": 0.4, "c": 0.2}, {"a": 0.5, "b": 0.5}),
    ],
)
def test_changed_shares_move_only_who_must(before: dict[str, float], after: dict[str, float]) -> None:
    moves = [(arm_of("salt", each, before), arm_of("salt", each, after)) for each in SUBJECTS]
    moved = [(one, other) for one, other in moves if one != other]
    gains = {arm: after.get(arm, 0) - before.get(arm, 0) for arm in {**before, **after}}
    least = sum(gain for gain in gains.values() if gain > 0)
    assert len(moved) / len(SUBJECTS) == pytest.approx(least, abs=0.012)
    assert all(gains[other] > 0 for _, other in moved)


def _arms(experiments: Experiments, **asked: Any) -> dict[str, str]:
    given = {"site": "default", "subject": "anna", "surface": "home", "now": T0, **asked}
    return experiments.arms_of(**given)


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"state": "paused"}, {}),
        ({"state": "ended"}, {}),
        ({}, {"site": "elsewhere"}),
        ({"target": {"surfaces": ["home"]}}, {"surface": "basket"}),
        ({}, {"consent": False}),
        ({"start": "2026-02-01T00:00:00Z"}, {}),
        ({"end": "2025-12-31T00:00:00Z"}, {}),
    ],
)
def test_nobody_is_assigned_outside_of_the_target(changes: dict[str, Any], asked: dict[str, Any]) -> None:
    assert _arms(Experiments([experiment()])).keys() == {"variety"}
    assert _arms(Experiments([experiment(**changes)]), **asked) == {}


def test_an_experiment_may_be_on_people_without_consent() -> None:
    assert _arms(Experiments([experiment(target={"consent": False})]), consent=False)


def test_traffic_takes_its_part_of_the_people_and_a_wider_one_keeps_them() -> None:
    narrow = Experiments([experiment(target={"traffic": [0, 0.2]})])
    wide = Experiments([experiment(target={"traffic": [0, 0.6]})])
    arms = [(_arms(narrow, subject=each), _arms(wide, subject=each)) for each in SUBJECTS[:5_000]]
    kept = [(one, other) for one, other in arms if one]
    assert len(kept) / len(arms) == pytest.approx(0.2, abs=0.02)
    assert all(one == other for one, other in kept)


def test_a_new_revision_deals_people_whatever_their_former_arm_unless_a_salt_holds_them() -> None:
    """Else what the former arm did to them is in the past that CUPED takes off, in one arm more than in the other."""
    first, second = (Experiments([experiment(revision=revision)]) for revision in (1, 2))
    cells = Counter(
        (_arms(first, subject=each)["variety"], _arms(second, subject=each)["variety"]) for each in SUBJECTS
    )
    assert len(cells) == 4
    assert stats.chisquare(list(cells.values())).pvalue > FAR
    held = [Experiments([experiment(revision=revision, salt="held")]) for revision in (1, 2)]
    assert all(_arms(held[0], subject=each) == _arms(held[1], subject=each) for each in SUBJECTS[:100])


def test_an_arm_may_be_called_traffic() -> None:
    found = Experiments(
        [experiment(arms={"control": {"share": 0.5}, "traffic": {"share": 0.5}}, target={"traffic": [0, 0.5]})]
    )
    sizes = Counter(arm for each in SUBJECTS for arm in _arms(found, subject=each).values())
    assert stats.chisquare([sizes["control"], sizes["traffic"]]).pvalue > FAR


def test_nobody_is_in_two_experiments_of_a_layer() -> None:
    found = Experiments(
        [
            experiment(name="one", target={"layer": "rank", "traffic": [0, 0.5]}),
            experiment(name="two", target={"layer": "rank", "traffic": [0.5, 1]}),
        ]
    )
    sizes = Counter(tuple(_arms(found, subject=each)) for each in SUBJECTS[:2_000])
    assert sizes.keys() == {("one",), ("two",)}
    assert sizes[("one",)] / 2_000 == pytest.approx(0.5, abs=0.05)


def test_a_holdout_is_an_arm_of_its_own_that_changes_nothing() -> None:
    found = Experiments([experiment(holdout=0.1)])
    sizes = Counter(_arms(found, subject=each)["variety"] for each in SUBJECTS)
    assert stats.chisquare([sizes[arm] for arm in ("control", "varied", "holdout")], [9_000, 9_000, 2_000]).pvalue > FAR
    assert found.overrides_of("variety", "holdout") == {}
