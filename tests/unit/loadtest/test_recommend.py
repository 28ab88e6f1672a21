"""The replay judges before it teaches, and what is held out or comes after the split teaches nothing."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from headrace.interactions.records import Interaction, Item
from headrace.recommend.policy import Policies, load_policies
from loadtest.recommend import Replay
from loadtest.recommend_data import ROOT, SITE, Moment, Stream, last_held_out
from loadtest.recommend_peers import Interactions, Popularity, ten_of

START, MINUTE = 1_700_000_000_000_000, 60_000_000
ITEMS = [f"film-{number:02}" for number in range(24)]


def moment(number: int, subject: str, item: str) -> Moment:
    at = START + number * MINUTE
    return Moment(subject, at, (Interaction(str(number), SITE, subject, "rating", at, at, item, 8.0),))


def stream(*moments: Moment) -> Stream:
    items = tuple(Item(SITE, name, 0, title=name, tags=("a", name), created=0) for name in ITEMS)
    return Stream("movietweetings", items, moments)


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(ROOT / "deploy" / "recommendations.yaml")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals take most of the time, and nothing here is about them."""
    monkeypatch.setattr("loadtest.recommend_judge.RESAMPLES", 5)


def replayed(judged: Stream, policies: Policies, held_out: bool) -> tuple[Replay, dict[str, Any]]:
    replay = Replay(judged, policies, 1, Console(file=io.StringIO()))
    return replay, replay.run(judge_held_out=held_out)["tables"]


def test_what_is_held_out_teaches_nothing(policies: Policies) -> None:
    """Whatever it is, the same is learned; and each person's last is judged."""
    people = [moment(number, f"p{number % 20}", ITEMS[number * 7 % 18]) for number in range(100)]
    judged = last_held_out(stream(*people))
    other = replace(
        judged,
        moments=tuple(
            replace(moment(number, each.subject, ITEMS[number % 3]), held_out=True) if each.held_out else each
            for number, each in enumerate(judged.moments)
        ),
    )
    (one, tables), (two, others) = (replayed(each, policies, True) for each in (judged, other))
    assert tables["all"]["the system"]["moments"] == 20
    assert tables["all"]["popularity"]["hit_rate"] != others["all"]["popularity"]["hit_rate"]
    learned = [replay._system.learner.publish(1, START, 1_000) for replay in (one, two)]
    assert learned[0] == learned[1]


def test_popularity_learns_nothing_after_the_split(policies: Policies) -> None:
    before = [moment(number, f"p{number}", ITEMS[number % 12]) for number in range(80)]
    after = [moment(80 + number, f"q{number}", ITEMS[20]) for number in range(20)]
    _, tables = replayed(stream(*before, *after), policies, False)
    assert tables["time split"]["popularity"]["hit_rate"][0] == 0
    assert tables["all"]["popularity"]["hit_rate"][0] > 0.2


def test_equals_at_the_border_go_by_their_names() -> None:
    past = Interactions(tuple(ITEMS), again=True)
    for number, name in enumerate(reversed(ITEMS)):
        past.learn(moment(number, "p", name))
    shown = ten_of(Popularity(past), past, "p", START, np.zeros(len(ITEMS)))
    assert shown == ITEMS[:10]
