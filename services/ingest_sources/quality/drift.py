"""What is different about a run, against the runs before it. Thresholds leave room for chance: see the tests.

A difference must be large for a person, larger than what the runs before differ among themselves, and larger than what
so few rows give by chance.
"""

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence

from ingest_sources.quality.column_stats import NumberStats
from ingest_sources.quality.report import Finding, Report

REMEMBERED = 20
"""Runs to compare with."""
FEWEST = 5
"""Runs that it takes."""
_MOST_FINDINGS = 50
_SHARE = 0.01
_NULL_RATE = 0.1
_SPREADS = 4.0
_FAR = 3.0
"""Times the whole range of the former runs."""
_SELDOM = 12.0
"""Of a chance, its logarithm: one in 160,000."""


def findings_of(report: Report, former: Sequence[Report]) -> tuple[Finding, ...]:
    """What is different.

    Args:
        former: runs of the same source, the oldest first; nothing is found against fewer than five.
    """
    former = [run for run in former if run.read][-REMEMBERED:]
    if len(former) < FEWEST:
        return ()
    found = [*_rows(report, former), *_rejected(report, former)]
    if report.rows:
        found += [finding for name in _names(report, former) for finding in _of_column(name, report, former)]
    return tuple(found[:_MOST_FINDINGS])


def _rows(report: Report, former: Sequence[Report]) -> Iterator[Finding]:
    counts = [run.read for run in former if run.is_whole]
    if not report.is_whole or len(counts) < FEWEST:
        return
    usual, count = statistics.median(counts), report.read
    is_odd = count < usual / 2 or count > usual * 2
    if is_odd and not min(counts) <= count <= max(counts) and abs(count - usual) > _SPREADS * math.sqrt(usual):
        said = f"{count:,} rows, where the last {len(counts)} runs had {min(counts):,} to {max(counts):,}"
        yield Finding("rows", said)


def _rejected(report: Report, former: Sequence[Report]) -> Iterator[Finding]:
    share, shares = report.rejected_share, [run.rejected_share for run in former]
    usual = sum(run.rejected for run in former) / sum(run.read for run in former)
    chance = _by_chance(usual, report.read)
    if share > max(shares) and share - usual > max(_SHARE, _many(len(shares)) * statistics.stdev(shares), chance):
        yield Finding(
            "rejected", f"{_percent(share)} of the rows were rejected, where it was {_percents(shares)} before"
        )


def _of_column(name: str, report: Report, former: Sequence[Report]) -> Iterator[Finding]:
    now = report.columns.get(name)
    before = [run for run in former if run.rows]
    known = [run for run in before if name in run.columns and run.columns[name].values]
    if len(before) < FEWEST:
        return
    if not known:
        yield from _new(name, report, before)
    elif now is None or not now.values:
        yield from _gone(name, report, before)
    else:
        yield from _nulls(name, report, before)
        yield from _kind(name, report, known)
        if name not in report.times and len(known) >= FEWEST:
            yield from _numbers(name, now.numbers, [run.columns[name].numbers for run in known])


def _new(name: str, report: Report, before: Sequence[Report]) -> Iterator[Finding]:
    may_be_old = any(run.is_cut for run in before)
    share = 1 - report.null_rate(name)
    if not may_be_old and _is_no_chance(share * report.rows, report.rows, sum(run.rows for run in before)):
        text = f"is new: {_percent(share)} of the rows have a value, where the last {len(before)} runs didn't have it"
        yield Finding("new", text, name)


def _gone(name: str, report: Report, before: Sequence[Report]) -> Iterator[Finding]:
    shares = [1 - run.null_rate(name) for run in before]
    values = sum(share * run.rows for share, run in zip(shares, before, strict=True))
    if not report.is_cut and min(shares) and _is_no_chance(values, sum(run.rows for run in before), report.rows):
        text = f"is gone: no row has a value, where {_percents(shares)} of the rows had one before"
        yield Finding("gone", text, name)


def _nulls(name: str, report: Report, before: Sequence[Report]) -> Iterator[Finding]:
    rate, rates = report.null_rate(name), [run.null_rate(name) for run in before]
    usual = statistics.fmean(rates)
    spread = statistics.stdev(rates)
    enough = max(_NULL_RATE, 3 * spread, _many(len(rates)) * spread, _by_chance(usual, report.rows))
    if rate > max(rates) and rate - usual > enough:
        text = f"{_percent(rate)} of the rows have no value, where it was {_percents(rates)} before"
        yield Finding("nulls", text, name)


def _kind(name: str, report: Report, known: Sequence[Report]) -> Iterator[Finding]:
    kind, kinds = report.columns[name].kind, {run.columns[name].kind for run in known}
    if kinds == {"hidden"} or kind == "hidden":
        return
    if kind not in kinds:
        yield Finding("kind", f"holds {_plural(kind)}, and before {' and '.join(map(_plural, sorted(kinds)))}", name)


def _numbers(name: str, now: NumberStats | None, given: Sequence[NumberStats | None]) -> Iterator[Finding]:
    before = [numbers for numbers in given if numbers is not None]
    if now is None or len(before) < FEWEST or _always_rises([*before, now]):
        return
    yield from _range(name, now, before)
    means = [numbers.mean for numbers in before]
    usual = statistics.fmean(means)
    moved = abs(now.mean - usual)
    enough = max(_many(len(means)) * statistics.stdev(means), _SPREADS * _error(now, before), 1e-6 * abs(usual))
    if moved > enough:
        text = f"the mean is {_number(now.mean)}, where it was {_number(min(means))} to {_number(max(means))} before"
        yield Finding("mean", text, name)


def _range(name: str, now: NumberStats, before: Sequence[NumberStats]) -> Iterator[Finding]:
    low, high = min(numbers.min for numbers in before), max(numbers.max for numbers in before)
    room = _FAR * (high - low)
    if room and (now.min < low - room or now.max > high + room):
        span, former = f"{_number(now.min)} to {_number(now.max)}", f"{_number(low)} to {_number(high)}"
        yield Finding("range", f"goes from {span}, where it was {former} before", name)


def _always_rises(runs: Sequence[NumberStats]) -> bool:
    """Whether it is a counter or a time: what is larger in each run than in the one before is not drift."""
    return all(a.min <= b.min and a.max < b.max and a.mean < b.mean for a, b in itertools.pairwise(runs))


def _error(now: NumberStats, before: Sequence[NumberStats]) -> float:
    """Standard error of a run's mean, from what the numbers differ within the runs; heavy tails show in either."""
    count = sum(numbers.count for numbers in before)
    within = math.sqrt(sum(numbers.squares for numbers in before) / count)
    share = 1 / now.count + 1 / count
    # Of a number that occurs once in a while no run may know how far it varies.
    return math.sqrt(max(within * within * share, now.squares / now.count * share))


def _by_chance(share: float, rows: int) -> float:
    """How far a share of so many rows goes by chance alone; one more than was seen, as none was doesn't mean never."""
    share = min(1.0, share + 1 / rows) if rows else 1.0
    return _SPREADS * math.sqrt(share * (1 - share) / rows) if rows else math.inf


def _is_no_chance(values: float, rows: int, others: int) -> bool:
    """Whether values that are as often everywhere would seldom all be in these rows, and none in the others."""
    return values * math.log1p(others / rows) >= _SELDOM


def _many(runs: int) -> float:
    """Spreads, estimated from so few runs, that are as seldom as four of a known one (fitted to Student's t)."""
    return _SPREADS * math.exp(7.5 / (runs - 1) ** 1.13)


def _names(report: Report, former: Sequence[Report]) -> list[str]:
    return list(dict.fromkeys([*report.columns, *(name for run in former for name in run.columns)]))


def _plural(kind: str) -> str:
    return {"number": "numbers", "text": "texts", "boolean": "booleans", "mixed": "values of several kinds"}.get(
        kind, "values of another kind"
    )


def _percents(shares: Sequence[float]) -> str:
    low, high = _percent(min(shares)), _percent(max(shares))
    return low if low == high else f"{low} to {high}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _number(value: float) -> str:
    return f"{value:,.6g}"
