"""Answers joined to what followed, and the sums of experiments."""

from __future__ import annotations

import pytest

from headrace.interactions.records import MADE, Exposure, Recommendation
from headrace.records import encode, headers_of
from headrace.streams.batch import OutRecord
from process_interactions.subjects.answers import MOST_OPEN
from tests.unit.process_interactions.subjects_driver import (
    ANNA,
    BERT,
    MINUTE,
    SECOND,
    T0,
    SubjectsDriver,
    answer,
    experiments,
    interaction,
)

END = T0 + 30 * MINUTE


def shown(exposures: list[Exposure]) -> dict[str, tuple[bool, bool, bool, bool, float]]:
    return {
        each.item: (each.seen is not None, each.clicked, each.carted, each.bought, each.reward) for each in exposures
    }


def test_each_item_of_an_answer_gets_one_exposure_with_what_followed() -> None:
    driver = SubjectsDriver()
    driver.take(answer("r", "abc", arms={"variety": "control"}, versions={"online": 3}))
    driver.take(
        interaction("impression", "a", T0 + SECOND, recommendation="r", position=0),
        interaction("impression", "b", T0 + SECOND, recommendation="r", position=1),
        interaction("click", "b", T0 + 2 * SECOND, recommendation="r"),
        interaction("cart", "b", T0 + 3 * SECOND),
        interaction("purchase", "b", T0 + MINUTE),
    )
    assert driver.exposures() == []
    driver.tick(END - 1)
    assert driver.exposures() == [], "the window is open"
    driver.tick(END)
    driver.tick(END + MINUTE)
    nothing = (False, False, False, False, 0.0)
    assert shown(driver.exposures()) == {"a": (True, *nothing[1:]), "b": (True, True, True, True, 5.0), "c": nothing}
    assert len(driver.exposures()) == 3
    b = driver.exposures()[1]
    assert (b.recommendation, b.position, b.source, b.features, b.surface) == ("r", 1, "trending", (0.5,), "home")
    assert (b.made, b.closed, b.seen, b.arms, b.versions) == (
        T0,
        END,
        T0 + SECOND,
        {"variety": "control"},
        {"online": 3},
    )
    assert driver.rules.counts.clicks == {("home", "trending", "variety/control"): 1}


@pytest.mark.parametrize(
    ("kind", "changes", "follows"),
    [
        ("click", {}, True),
        ("click", {"recommendation": "r"}, True),
        ("click", {"recommendation": "another"}, False),
        ("click", {"item": "z"}, False),
        ("click", {"subject": BERT}, False),
        ("click", {"at": END}, False),
        ("click", {"at": END - 1}, True),
        ("view", {}, False),
        ("view", {"recommendation": "r"}, True),
    ],
)
def test_what_follows_an_answer(kind: str, changes: dict[str, object], follows: bool) -> None:
    driver = SubjectsDriver()
    driver.take(answer("r", "ab"))
    fields = {"item": "a", "at": T0 + MINUTE, **changes}
    driver.take(interaction(kind, **fields))  # type: ignore[arg-type]  # a table of cases
    driver.tick(END)
    assert [each.clicked for each in driver.exposures()] == [follows, False]


def test_a_click_from_before_the_answer_is_not_of_it_without_naming_it() -> None:
    driver = SubjectsDriver()
    driver.take(interaction("click", "a", T0 - 2 * MINUTE), interaction("click", "a", T0 - 20 * SECOND))
    driver.take(answer("r", "a"))
    driver.take(interaction("click", "a", T0 - 2 * MINUTE), appended=T0 + MINUTE)
    driver.tick(END)
    assert not driver.exposures()[0].clicked
    driver = SubjectsDriver()
    driver.take(answer("r", "a"))
    driver.take(interaction("click", "a", T0 - 20 * SECOND), appended=T0 + MINUTE)
    driver.tick(END)
    assert driver.exposures()[0].clicked, "a client's clock may be behind"


def test_an_item_that_is_there_twice_is_told_apart_by_its_place() -> None:
    driver = SubjectsDriver()
    driver.take(answer("r", "aba"))
    driver.take(interaction("click", "a", T0 + SECOND, recommendation="r", position=2))
    driver.tick(END)
    assert [each.clicked for each in driver.exposures()] == [False, False, True]


def test_an_answer_that_is_read_after_what_followed_says_the_same() -> None:
    """The two topics are read at their own pace."""
    clicks = [
        interaction("click", "a", T0 + SECOND, recommendation="r"),
        interaction("purchase", "b", T0 + MINUTE),
        interaction("click", "b", END + MINUTE),
    ]
    usual, late = SubjectsDriver(), SubjectsDriver()
    usual.take(answer("r", "abc"))
    usual.take(*clicks)
    late.take(*clicks)
    late.take(answer("r", "abc"))
    for driver in (usual, late):
        driver.tick(END + 2 * MINUTE)
    assert usual.exposures() == late.exposures()
    assert [each.reward for each in late.exposures()] == [1.5, 5.0, 0.0]


def test_a_repeated_answer_counts_once() -> None:
    driver = SubjectsDriver()
    driver.take(answer("r"), answer("r"))
    driver.tick(END)
    driver.take(answer("r"), appended=END)
    driver.tick(END + 40 * MINUTE)
    assert len(driver.exposures()) == 2
    assert driver.rules.counts.answers == {"opened": 1, "duplicate": 2}


def test_an_answer_from_before_the_consent_that_is_read_after_it_counts_for_nothing() -> None:
    driver = SubjectsDriver()
    driver.take(
        interaction("consent", None, T0, consent=False), interaction("consent", None, T0 + MINUTE, consent=True)
    )
    driver.take(answer("r"), appended=T0 + MINUTE)
    driver.tick(END + MINUTE)
    assert driver.exposures() == [] and driver.rules.counts.answers == {"outdated": 1}


def test_open_answers_of_a_subject_are_bounded() -> None:
    driver = SubjectsDriver()
    driver.take(*(answer(f"r{number}", "a", T0 + number) for number in range(MOST_OPEN + 5)))
    assert [each.recommendation for each in driver.exposures()] == [f"r{number}" for number in range(5)]
    driver.tick(END + MINUTE)
    assert len({each.recommendation for each in driver.exposures()}) == len(driver.exposures()) == MOST_OPEN + 5
    assert not [key for key in driver.cells() if key.startswith(b"o")]


def test_timers_outlive_a_crash() -> None:
    driver = SubjectsDriver()
    driver.take(answer("r", "a"), interaction("click", "a", T0 + SECOND, recommendation="r"))
    driver.driver.crash()
    driver.tick(END)
    assert [each.clicked for each in driver.exposures()] == [True]


def test_experiments_sums_are_published_when_the_window_has_closed() -> None:
    driver = SubjectsDriver(experiments=experiments())
    driver.take(answer("r", arms={"variety": "varied"}))
    driver.take(answer("r2", arms={"variety": "varied"}), interaction("click", at=T0 + MINUTE))
    driver.take(interaction("click", at=T0 + 2 * MINUTE))
    driver.take(answer("r3", arms={"variety": "control"}, subject=BERT))
    assert driver.totals()["varied", 0].enrolled == driver.totals()["control", 0].enrolled == 1
    driver.driver.crash()
    driver.tick(T0 + 60 * MINUTE)
    totals = driver.totals()["varied", 0].metrics["clicks"]
    assert (totals.n, totals.y, totals.yy) == (1, 2, 4)
    driver.driver.crash()
    driver.erase(ANNA, T0 + 61 * MINUTE)
    found = driver.totals()["varied", 0]
    assert (found.enrolled, found.metrics["clicks"].n, found.metrics["clicks"].y) == (0, 0, 0)
    assert driver.totals()["control", 0].enrolled == 1


def test_a_malformed_answer_is_a_dead_letter() -> None:
    driver = SubjectsDriver()
    other: Recommendation = answer("r", site="elsewhere")
    driver.take(interaction(), other)
    driver.driver.kafka.append(OutRecord(MADE, ANNA.encode(), b"{", ()))
    for value in (encode(answer("r" * 200)), encode(answer("r", "a" * 2_000)), encode(answer(at=-1))):
        driver.driver.kafka.append(OutRecord(MADE, ANNA.encode(), value, headers_of(other)))
    driver.driver.run()
    driver.tick(END)
    found = [letter["deadletter.reason"] for letter in driver.dead_letters()]
    assert found == ["invalid_record", "unknown_schema", *["invalid_record"] * 2, "invalid_time"]
    assert driver.exposures() == []
