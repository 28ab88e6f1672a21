"""Rows made of events know only what was before their cut, and agree with a plain loop over the events."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ConfigurationError
from tests.unit.train_models.data.making import frozen, rows_of

Event = dict[str, Any]
DAY = timedelta(days=1)
T0 = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {"user": 'user "id"', "amount": "amount; DROP TABLE events --"}
"""Column names as a stranger's file may have them."""


def event(user: str | None, day: float, amount: float | None = 1.0, kind: str = "buy") -> Event:
    return {NAMES["user"]: user, "at": T0 + day * DAY, NAMES["amount"]: amount, "kind": kind}


def spec(**change: Any) -> dict[str, Any]:
    events = {
        "entity": NAMES["user"],
        "time": "at",
        "cuts": [(T0 + 30 * DAY).isoformat()],
        "features": {"n": {"count": "*"}},
        "label": {"none_within": "10d"},
        **change,
    }
    return {"files": "events.parquet", "label": "gone", "events": events}


def rows(folder: Path, events: list[Event], **change: Any) -> list[dict[str, Any]]:
    return rows_of(frozen(folder, spec(**change), events=events))


def test_a_feature_never_sees_the_cut_or_later(tmp_path: Path) -> None:
    """A planted leak: events at and after the cut say what the label is, and no aggregate may show it."""
    every = ("count", "sum", "mean", "min", "max", "last", "distinct", "days_since_last", "days_since_first")
    features = {name: {name: NAMES["amount"]} for name in every}
    features |= {f"{name}_week": {name: NAMES["amount"], "within": "7d"} for name in every}
    honest = [event("a", 1, 2.0), event("a", 25, 4.0), event("b", 29.999, 3.0)]
    leaks = [event("a", 30, 1e9), event("a", 30.000001, 1e9), event("b", 35, 1e9)]
    end = [event("z", 60)]

    with_leaks = rows(tmp_path, honest + leaks + end, features=features)
    without = rows(tmp_path, honest + end, features=features)

    assert [{**row, "gone": None} for row in with_leaks] == [{**row, "gone": None} for row in without]
    assert [(row[NAMES["user"]], row["sum"], row["last_week"]) for row in without] == [("a", 6.0, 4.0), ("b", 3.0, 3.0)]
    assert [row["gone"] for row in with_leaks] == [False, False]
    assert [row["gone"] for row in without] == [True, True]


def test_the_label_is_of_what_comes_after_the_cut_up_to_its_horizon_alone(tmp_path: Path) -> None:
    seen = [event(user, 1) for user in "abcd"]
    later = [event("a", 30), event("b", 30.5, 3.0), event("c", 40), event("d", 40.000001), event("z", 90)]

    none = rows(tmp_path, seen + later)
    spent = rows(tmp_path, seen + later, label={"sum": NAMES["amount"], "within": "10d"})

    assert [row["gone"] for row in none] == [True, False, False, True]
    assert [row["gone"] for row in spent] == [0.0, 3.0, 1.0, 0.0]


def test_cuts_whose_label_may_still_change_are_left_out_and_counted(tmp_path: Path) -> None:
    cuts = {"every": "10d", "from": "2026-01-11", "until": "2026-02-10"}
    snapshot = frozen(tmp_path, spec(cuts=cuts), events=[event("a", 1), event(None, 35)])

    assert [row["cut"] for row in rows_of(snapshot)] == [T0 + 10 * DAY, T0 + 20 * DAY]
    assert snapshot.about.left_out["cuts whose label's horizon ends after the events"] == 2
    assert snapshot.about.left_out[f"events without {NAMES['user']}"] == 1
    with pytest.raises(ConfigurationError, match="no cut is old enough"):
        rows(tmp_path, [event("a", 1)])


def test_open_cuts_go_from_the_first_event_to_the_last_moment_whose_label_is_known(tmp_path: Path) -> None:
    second = timedelta(seconds=1)
    events = [event("b", 0, kind="sell"), *({**event("a", 0), "at": T0 + number * second} for number in (2.3, 4, 7.9))]
    change = {"label": {"count": "*", "within": "2s"}, "where": {"kind": "buy"}}

    def cuts(**given: str) -> list[float]:
        found = rows(tmp_path, events, cuts={"every": "1s", **given}, **change)
        return [(row["cut"] - T0) / second for row in found]

    assert cuts() == [3, 4, 5]
    assert cuts(**{"from": (T0 + 2.5 * second).isoformat()}) == [2.5, 3.5, 4.5, 5.5]
    assert cuts(until=(T0 + 4 * second).isoformat()) == [3, 4]


def test_open_cuts_that_are_too_many_or_none_are_refused(tmp_path: Path) -> None:
    cuts = {"every": "1s"}
    with pytest.raises(ConfigurationError, match="864,001, and at most 10,000 are made: give a longer `every`"):
        rows(tmp_path, [event("a", 0), event("a", 20)], cuts=cuts)
    with pytest.raises(ConfigurationError, match="looks 10 days ahead"):
        rows(tmp_path, [event("a", 0), event("a", 9)], cuts=cuts)
    with pytest.raises(ConfigurationError, match="no event that its conditions let through"):
        rows(tmp_path, [event("a", 0)], cuts=cuts, where={"kind": "none"})


def test_only_entities_seen_before_the_cut_are_rows(tmp_path: Path) -> None:
    events = [event("new", 31), event("old", 2), event("fresh", 28), event("z", 60)]

    assert [row[NAMES["user"]] for row in rows(tmp_path, events)] == ["fresh", "old"]
    assert [row[NAMES["user"]] for row in rows(tmp_path, events, seen_within="7d")] == ["fresh"]


def test_aggregates_are_those_of_a_plain_loop(tmp_path: Path) -> None:
    chance = random.Random(4)
    events = [
        event(
            chance.choice(["a", "b", "c", None]),
            chance.randint(0, 2_000) / 20,
            chance.choice([None, -1.5, 0.0, 2.0, 7.25]),
            chance.choice(["buy", "look"]),
        )
        for _ in range(600)
    ]
    amount = NAMES["amount"]
    where = {"kind": "buy", amount: {"above": -1, "below": 7}}
    features = {
        "n": {"count": "*"},
        "n_where": {"count": amount, "within": "20d", "where": where},
        "mean": {"mean": amount, "within": "20d"},
        "last": {"last": "kind"},
        "kinds": {"distinct": amount},
        "since": {"days_since_last": amount, "where": {"kind": "look"}},
        "squares": {"sum": amount, "times": amount},
    }
    cuts = {"every": "15d", "from": "2026-01-10", "until": "2026-03-10"}

    found = rows(tmp_path, events, features=features, cuts=cuts, label={"count": amount, "within": "9d"})

    assert len(found) == 12
    for row in found:
        cut, mine = row["cut"], [one for one in events if one[NAMES["user"]] == row[NAMES["user"]]]
        before = [one for one in mine if one["at"] < cut]
        month = [one[amount] for one in before if one["at"] >= cut - 20 * DAY and one[amount] is not None]
        kept = [one for one in before if one["at"] >= cut - 20 * DAY and one["kind"] == "buy"]
        newest = max(range(len(before)), key=lambda number: (before[number]["at"], number))
        looks = [one["at"] for one in before if one["kind"] == "look" and one[amount] is not None]
        assert row["n"] == len(before)
        assert row["n_where"] == sum(one[amount] is not None and -1 < one[amount] < 7 for one in kept)
        assert row["mean"] == pytest.approx(sum(month) / len(month))
        assert row["last"] == before[newest]["kind"]
        assert row["kinds"] == len({one[amount] for one in before} - {None})
        assert row["since"] == pytest.approx((cut - max(looks)) / DAY)
        assert row["squares"] == pytest.approx(sum((one[amount] or 0.0) ** 2 for one in before))
        after = [one for one in mine if cut < one["at"] <= cut + 9 * DAY]
        assert row["gone"] == sum(one[amount] is not None for one in after)


def test_a_feature_may_have_the_name_of_a_column(tmp_path: Path) -> None:
    amount = NAMES["amount"]
    features = {
        amount: {"sum": amount},
        "kind": {"last": "kind"},
        "at": {"days_since_last": "*"},
        "most": {"max": amount, "where": {amount: {"below": 5}, "kind": "buy"}},
    }
    events = [event("a", 28, 3.0), event("a", 29, 4.0), event("a", 29, 9.0, "look"), event("z", 90)]

    (row,) = rows(tmp_path, events, features=features)

    assert (row[amount], row["kind"], row["at"], row["most"]) == (16.0, "look", 1.0, 4.0)


def test_the_order_of_the_events_does_not_matter(tmp_path: Path) -> None:
    chance = random.Random(2)
    events = [event(chance.choice("abc"), day / 7, chance.random()) for day in range(400)]
    features = {"s": {"sum": NAMES["amount"]}, "m": {"mean": NAMES["amount"]}}
    first = frozen(tmp_path, spec(features=features), events=events)
    chance.shuffle(events)

    assert frozen(tmp_path, spec(features=features), events=events).sha256 == first.sha256


def test_texts_and_numbers_are_times(tmp_path: Path) -> None:
    for show in (
        lambda at: at.strftime("%Y-%m-%d %H:%M:%S"),
        lambda at: at.astimezone().isoformat(),
        lambda at: int(at.timestamp() * 1e6),
    ):
        events = [event("a", 1), event("a", 30), event("z", 90)]
        told = [{**one, "at": _shown(show, one["at"])} for one in events]

        assert [(row[NAMES["user"]], row["n"]) for row in rows(tmp_path, told)] == [("a", 1)]


def _shown(show: Callable[[datetime], Any], at: datetime) -> Any:
    return show(at)


@pytest.mark.parametrize(
    ("bad", "change", "message"),
    [
        ({"at": None}, {}, "column 'at' must hold each row's time.*row 2 has none"),
        ({"at": "soon"}, {}, "row 2 has 'soon'"),
        ({"kind": "x"}, {"features": {"m": {"mean": "kind"}}}, "'kind' must be of numbers, and row 1 has 'buy'"),
        ({}, {"where": {"kind": {"above": 3}}}, "'kind' must be of numbers"),
        ({}, {"features": {"m": {"mean": "price"}}}, "events have no column 'price'; there are"),
        ({}, {"entity": "who"}, "no column 'who'"),
    ],
)
def test_what_is_wrong_with_events_is_named(tmp_path: Path, bad: Event, change: dict[str, Any], message: str) -> None:
    events = [event("a", 1), event("a", 2), event("z", 90)]
    if isinstance(bad.get("at"), str):
        events = [{**one, "at": one["at"].isoformat()} for one in events]
    events[1] |= bad

    with pytest.raises(ConfigurationError, match=message):
        rows(tmp_path, events, **change)


def test_it_says_which_events_the_rows_were_made_of(tmp_path: Path) -> None:
    snapshot = frozen(tmp_path, spec(), events=[event("a", 1), event("z", 60)])

    (parent,) = snapshot.about.parents
    assert (tmp_path / "data" / "snapshots" / parent / "rows.parquet").exists()
    assert not list((tmp_path / "data" / "scratch").iterdir())
