"""What is found in a run that differs, and how seldom something is found in one that doesn't."""

import random
from collections import deque
from typing import Any

import msgspec
import pytest

from ingest_sources.quality.column_stats import ColumnStats, NumberStats
from ingest_sources.quality.drift import REMEMBERED, findings_of
from ingest_sources.quality.report import Finding, Report
from tests.unit.ingest_sources.quality.runs import Sender, stable


def found_in(report: Report, former: list[Report]) -> set[tuple[str, str]]:
    return {(finding.what, finding.column) for finding in findings_of(report, former)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rejected": 0.06}, ("rejected", "")),
        ({"rows": 700}, ("rows", "")),
        ({"rows": 5_000}, ("rows", "")),
        ({"humidity": lambda chance: None if chance.random() < 0.5 else 50.0}, ("nulls", "humidity")),
        ({"temperature": lambda chance: chance.gauss(23, 3)}, ("mean", "temperature")),
        ({"temperature": lambda chance: chance.choice([21.0] * 1_000 + [999.0])}, ("range", "temperature")),
        ({"town": None}, ("gone", "town")),
        ({"colour": "red"}, ("new", "colour")),
        ({"town": 7}, ("kind", "town")),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_difference_is_found(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    sender = Sender(7)
    former = stable(sender, 8)
    assert expected in found_in(sender.run(**changes), former)
    assert found_in(sender.run(), former) == set()


def test_stable_runs_have_next_to_no_findings() -> None:
    """Of 1,000 runs less than 1 %, the first ones of a source included; columns of many shapes, one that counts."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - so that a failure can be repeated
    chance = random.Random(seed)
    found: list[tuple[Finding, ...]] = []
    for _ in range(40):
        run, former = _Simulated(chance), deque[Report](maxlen=REMEMBERED)
        for _ in range(30):
            report = run.next()
            if len(former) >= 5:
                found.append(findings_of(report, list(former)))
            former.append(report)
    assert len(found) == 1_000
    odd = [findings for findings in found if findings]
    assert len(odd) < 10, odd


class _Simulated:
    """A stable sender whose statistics are drawn and not counted, so that a thousand runs take a moment."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._number = 0
        self._usual_rows = chance.choice([50, 400, 2_000, 20_000])
        self._between = chance.choice([0.0, 0.1, 1.0])
        self._rejected = chance.choice([0.0, 0.001, 0.02, 0.2])
        self._rate = chance.choice([0.0, 0.01, 0.3, 0.9])

    def next(self) -> Report:
        self._number += 1
        read = max(20, round(self._chance.gauss(self._usual_rows, self._usual_rows * 0.15)))
        rejected = _some(self._chance, read, self._rejected)
        rows = read - rejected
        columns = {f"number{n}": self._numbers(rows) for n in range(6)}
        columns["id"] = ColumnStats("number", rows, NumberStats(rows, *self._counted(), float(rows) ** 3 / 12))
        columns["rare"] = ColumnStats("text", _some(self._chance, rows, 0.002))
        columns = {name: column for name, column in columns.items() if column.values}
        return Report(
            source="simulated",
            number=self._number,
            kind="run",
            what="",
            begun_us=0,
            ended_us=0,
            delivered=rows,
            rejected=rejected,
            rows=rows,
            columns=columns,
        )

    def _counted(self) -> tuple[float, float, float]:
        first = self._number * 100_000.0
        return first, first + 50_000, first + 25_000

    def _numbers(self, rows: int) -> ColumnStats:
        """Of numbers around 20 with a spread of 3, and of a day that is warmer or colder."""
        values = max(1, rows - _some(self._chance, rows, self._rate))
        day = self._chance.gauss(0, self._between)
        mean = 20 + day + self._chance.gauss(0, 3 / values**0.5)
        extreme = 3 * (2 + self._chance.expovariate(2))
        return ColumnStats("number", values, NumberStats(values, mean - extreme, mean + extreme, mean, 9.0 * values))


def _some(chance: random.Random, rows: int, share: float) -> int:
    """How many of so many rows have something that a share has."""
    if not share:
        return 0
    if rows * share < 100:
        return min(rows, sum(chance.random() < share for _ in range(rows)))
    return min(rows, max(0, round(chance.gauss(rows * share, (rows * share * (1 - share)) ** 0.5))))


def test_real_tables_of_a_stable_sender_have_no_findings() -> None:
    reports = stable(Sender(random.Random(3).randrange(1 << 32)), 14)
    assert [findings_of(reports[at], reports[:at]) for at in range(14)] == [()] * 14


def test_nothing_is_found_against_fewer_than_five_runs() -> None:
    sender = Sender(1)
    assert findings_of(sender.run(rejected=0.9, town=None), stable(sender, 4)) == ()


def test_findings_say_what_it_is_and_what_it_was() -> None:
    sender = Sender(5)
    former = stable(sender, 8)
    by_kind = {
        finding.what: finding.text
        for finding in findings_of(sender.run(600, rejected=0.5, town=None, temperature=40.0, count="one"), former)
    }
    assert by_kind["rows"].startswith("600 rows, where the last 8 runs had 1,")
    assert "% of the rows were rejected, where it was 0." in by_kind["rejected"]
    assert by_kind["gone"] == "is gone: no row has a value, where 100 % of the rows had one before"
    assert by_kind["mean"].startswith("the mean is 40, where it was 2")
    assert by_kind["kind"] == "holds texts, and before numbers"


def test_counters_and_times_do_not_drift() -> None:
    sender = Sender(2)
    former = stable(sender, 8)
    former = [msgspec.structs.replace(run, columns={**run.columns, "at": run.columns["id"]}) for run in former]
    assert found_in(sender.run(at=1_700_000_000_000_000), former) == set()
    report = sender.run(at=-1_700_000_000_000_000)
    assert found_in(report, former) == {("mean", "at"), ("range", "at")}
    assert found_in(msgspec.structs.replace(report, times=("at",)), former) == set()


def test_a_part_of_a_run_says_nothing_of_its_number_of_rows() -> None:
    sender = Sender(3)
    former = stable(sender, 8)
    report = sender.run(100)
    assert found_in(report, former) == {("rows", "")}
    for change in ({"is_partial": True}, {"kind": "stream"}, {"state": "refused"}):
        assert found_in(msgspec.structs.replace(report, **change), former) == set()
