"""What a kill run found is written as it is."""

from __future__ import annotations

import json

import pytest

from loadtest import results
from loadtest.check import Findings
from loadtest.checker import Verdict
from loadtest.devices.numbered import Result
from loadtest.faults import COMPONENTS, Outcome, Plan, described, figures_of
from loadtest.window_counts import WindowDifference


def outcome(verdict: Verdict, receipts: Result) -> Outcome:
    return Outcome(Plan.of("kafka", 1, 100), Findings(verdict, WindowDifference(4, 3, 1, 0)), receipts, 1.0, 2.0)


def test_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert [Plan.of(name, 5, 1_000) for name in COMPONENTS] == [Plan.of(name, 5, 1_000) for name in COMPONENTS]
    assert Plan.of("kafka", 5, 1_000) != Plan.of("kafka", 6, 1_000)
    assert all(100 <= Plan.of(name, seed, 1_000).kill_after <= 900 for name in COMPONENTS for seed in range(50))


def test_a_broken_promise_or_a_missing_receipt_fails_the_run() -> None:
    broken = Verdict()
    broken.fail("accepted and lost", 17)
    assert outcome(Verdict(), Result(0, 3)).passed
    assert not outcome(broken, Result(0, 0)).passed
    assert not outcome(Verdict(), Result(1, 0)).passed
    assert "accepted and lost: 1, such as ['17']" in described(outcome(broken, Result(0, 0)))


def test_results_are_json_that_names_what_failed(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    broken = Verdict(sent=9)
    broken.fail("stored twice", 17)
    path = results.write("faults", "make faults", figures_of([outcome(broken, Result(2, 3))], 100, 10.0))
    run = json.loads(path.read_text())["runs"][0]
    assert (run["component"], run["passed"], run["failures"]) == ("kafka", False, {"stored twice": 1})
    assert (run["sent"], run["without_receipt"], run["sent_again"], run["windows"]["right"]) == (9, 2, 3, 3)
