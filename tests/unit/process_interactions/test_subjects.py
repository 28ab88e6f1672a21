"""The stage of subjects: each interaction once, of people who let us, done by people."""

from __future__ import annotations

import pytest

from headrace.interactions.records import FEATURES, RAW
from headrace.records import encode, headers_of
from process_interactions.subjects.rates import Limits
from process_interactions.subjects.settings import SubjectSettings
from tests.unit.process_interactions.subjects_driver import (
    ANNA,
    BERT,
    DAY,
    MINUTE,
    SECOND,
    T0,
    SubjectsDriver,
    answer,
    interaction,
)

HUGE_POSITION = encode(interaction("click", position=7)).replace(b'"position":7', b'"position":' + b"9" * 30)
FEW = SubjectSettings(limits=Limits(per_minute=20, per_day=1_000, per_day_of_append=1_000))


def test_an_interaction_makes_features_a_lesson_and_a_session() -> None:
    driver = SubjectsDriver()
    driver.take(interaction("view", "a", T0), interaction("purchase", "b", T0 + MINUTE, value=9.5))
    features = driver.known()
    assert [recent.item for recent in features.recent] == ["a", "b"]
    assert (features.bought, features.counts, features.revision) == (("b",), {"view": 1, "purchase": 1}, 2)
    first, second = driver.lessons()
    assert (first.item, first.before, first.is_new, second.item) == ("a", (), True, "b")
    assert [recent.item for recent in second.before] == ["a"]
    (session,) = driver.sessions()
    assert (session.items, session.start, session.last, session.final) == (("a", "b"), T0, T0 + MINUTE, False)


def test_all_that_is_known_outlives_a_crash() -> None:
    plain, crashing = SubjectsDriver(), SubjectsDriver()
    for number, kind in enumerate(("purchase", "view", "purchase", "impression", "cart")):
        for driver in (plain, crashing):
            driver.take(interaction(kind, f"i{number}", T0 + number * MINUTE, value=3.0))
        crashing.driver.crash()
    assert crashing.known() == plain.known() and crashing.known().bought == ("i0", "i2")
    assert crashing.sessions() == plain.sessions() and crashing.lessons() == plain.lessons()


def test_an_id_counts_once_whatever_else_is_said_and_only_of_its_subject() -> None:
    driver = SubjectsDriver()
    driver.take(interaction("view", "a", id="one"))
    driver.driver.crash()
    driver.take(interaction("purchase", "b", id="one"), interaction("view", "a", id="one", subject=BERT))
    assert driver.known().counts == driver.known(BERT).counts == {"view": 1}
    assert len(driver.lessons()) == 2
    assert driver.fates() == {"taken": 2, "duplicate": 1}


def test_a_repeat_is_recognised_for_a_week_and_among_two_thousand() -> None:
    driver = SubjectsDriver(SubjectSettings(limits=Limits(1e9, 1e9, 1e9)))
    driver.take(interaction(id="one", at=T0), interaction(at=T0 + 2 * DAY))
    driver.take(interaction(id="one", at=T0 + 6 * DAY))
    assert driver.fates()["duplicate"] == 1
    many = [interaction("impression", None, T0 + 6 * DAY, id=f"x{number}") for number in range(3_000)]
    driver.take(*many)
    driver.take(*many[1_100:])
    assert driver.fates()["duplicate"] == 1_901
    identities = [content for key, content in driver.cells().items() if key.startswith(b"d" + ANNA.encode())]
    assert len(identities) <= 40 and sum(map(len, identities)) <= 2_000 * 8 + 40 * 8


def test_a_time_in_the_future_counts_as_the_append() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(at=T0 + 365 * DAY), appended=T0)
    assert driver.known().updated == driver.lessons()[0].time == T0
    assert driver.sessions()[0].start == T0


def test_who_comes_late_takes_the_place_of_its_time() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="b", at=T0 + 2 * MINUTE), interaction(item="c", at=T0 + 3 * MINUTE))
    driver.take(interaction(item="a", at=T0), appended=T0 + 4 * MINUTE)
    features = driver.known()
    assert [recent.item for recent in features.recent] == ["a", "b", "c"]
    assert (features.updated, features.appended) == (T0 + 3 * MINUTE, T0 + 4 * MINUTE)


def test_a_session_ends_by_the_next_one_or_by_append_time() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="a", at=T0), interaction(item="b", at=T0 + 31 * MINUTE))
    first, second = driver.sessions()
    assert (first.items, first.final, second.items, second.final) == (("a",), True, ("b",), False)
    driver.driver.crash()
    driver.tick(T0 + 60 * MINUTE)
    assert not driver.sessions()[-1].final, "a pause has not passed yet"
    driver.tick(T0 + 61 * MINUTE)
    assert all(session.final for session in driver.sessions())
    assert driver.rules.counts.final_sessions == 2


@pytest.mark.parametrize("crashes", [False, True])
def test_a_session_is_not_final_while_something_comes(crashes: bool) -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="a", at=T0), interaction(item="b", at=T0 + 20 * MINUTE))
    if crashes:
        driver.driver.crash()
    driver.tick(T0 + 49 * MINUTE)
    assert [session.final for session in driver.sessions()] == [False]
    driver.tick(T0 + 50 * MINUTE)
    assert [session.final for session in driver.sessions()] == [True]


def test_what_comes_to_a_final_session_within_the_pause_opens_it_again() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="a", at=T0))
    driver.tick(T0 + 31 * MINUTE)
    driver.take(interaction(item="b", at=T0 + MINUTE), appended=T0 + 32 * MINUTE)
    (session,) = driver.sessions()
    assert (session.items, session.final) == (("a", "b"), False)
    driver.tick(T0 + 63 * MINUTE)
    assert driver.sessions()[0].final


def test_without_consent_nothing_is_kept_or_learned() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="secret"), interaction("click", "secret"), answer(items=["secret"]))
    driver.take(interaction("consent", None, T0 + MINUTE, consent=False))
    driver.take(interaction(item="other", at=T0 + 2 * MINUTE), answer("r2", ["other"], T0 + 2 * MINUTE))
    features = driver.known()
    assert not features.consent and features.recent == () and features.counts == {} == features.decayed
    assert [lesson.kind for lesson in driver.lessons()] == ["interaction", "interaction", "forget"]
    assert [recent.item for recent in driver.lessons()[-1].before] == ["secret"]
    driver.tick(T0 + 60 * MINUTE)
    assert driver.exposures() == []
    kept = [key + content for key, content in driver.cells().items() if ANNA.encode() in key]
    assert len(kept) == 1 and b"secret" not in kept[0] and b"other" not in kept[0]
    assert driver.fates()["without_consent"] == 1


def test_consent_again_starts_anew_and_what_was_before_stays_out() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="a"), interaction("consent", None, T0 + MINUTE, consent=False, id="no"))
    driver.take(interaction("consent", None, T0 + 3 * MINUTE, consent=True))
    driver.take(interaction(item="b", at=T0 + 2 * MINUTE), appended=T0 + 4 * MINUTE)
    driver.take(interaction("consent", None, T0 + MINUTE, consent=False, id="no"), appended=T0 + 4 * MINUTE)
    driver.take(interaction(item="c", at=T0 + 5 * MINUTE))
    features = driver.known()
    assert features.consent and [recent.item for recent in features.recent] == ["c"]
    assert features.counts == {"view": 1}


def test_consent_again_outlives_a_crash_and_idle_days() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="a"), interaction("consent", None, T0 + MINUTE, consent=False))
    driver.take(interaction("consent", None, T0 + 2 * MINUTE, consent=True))
    driver.driver.crash()
    driver.tick(T0 + 5 * DAY)
    driver.take(interaction(item="before", at=T0 + MINUTE), appended=T0 + 5 * DAY)
    driver.take(interaction(item="b", at=T0 + 6 * DAY))
    assert [recent.item for recent in driver.known().recent] == ["b"] and driver.known().consent
    assert driver.fates()["outdated"] == 1


def test_who_changes_their_mind_again_and_again_leaves_few_timers() -> None:
    driver = SubjectsDriver()
    for number in range(20):
        at = T0 + number * MINUTE
        driver.take(interaction(at=at), interaction("consent", None, at + SECOND, consent=False))
        driver.take(interaction("consent", None, at + 2 * SECOND, consent=True))
    for number in range(20, 80, 10):
        driver.take(interaction(at=T0 + number * MINUTE))
    assert len(driver.state().timers) <= 3


def test_a_withdrawal_is_never_forgotten_for_idleness() -> None:
    driver = SubjectsDriver()
    driver.take(interaction("consent", None, T0, consent=False))
    driver.tick(T0 + 400 * DAY)
    driver.driver.crash()
    driver.take(interaction(item="a", at=T0 + 401 * DAY))
    assert not driver.known().consent and driver.lessons() == []


def test_an_absurd_rate_flags_and_calm_gives_the_person_back() -> None:
    driver = SubjectsDriver(FEW)
    driver.take(answer(items="ab"))
    for number in range(40):
        driver.take(interaction(item=f"i{number}", at=T0 + SECOND + number * SECOND // 10))
    features = driver.known()
    assert features.flagged and features.recent == () and features.counts == {}
    taught = [lesson.item for lesson in driver.lessons() if lesson.kind == "interaction"]
    assert len(taught) == 20 and driver.lessons()[-1].kind == "forget"
    assert driver.fates() == {"taken": 20, "flagged": 20}

    driver.take(interaction(item="still", at=T0 + 60 * SECOND))
    assert driver.known().flagged, "half the limit is not calm yet"
    driver.take(interaction(item="calm", at=T0 + 10 * MINUTE))
    features = driver.known()
    assert not features.flagged and [recent.item for recent in features.recent] == ["calm"]
    driver.tick(T0 + 60 * MINUTE)
    assert driver.exposures() == []
    assert driver.rules.counts.flags == {"set": 1, "cleared": 1}


def test_a_page_of_impressions_is_no_absurd_rate() -> None:
    driver = SubjectsDriver(FEW)
    driver.take(*(interaction("impression", f"i{number}") for number in range(100)))
    assert driver.known().counts == {"impression": 100}


def test_an_import_of_old_times_is_no_absurd_rate_and_invented_times_are() -> None:
    driver = SubjectsDriver(FEW)
    driver.take(*(interaction(item=f"i{at}", at=T0 - at * MINUTE) for at in range(100, 0, -1)), appended=T0)
    assert not driver.known().flagged and driver.known().counts == {"view": 100}
    driver.take(*(interaction(item=f"i{at}", at=T0 - at * 10 * MINUTE) for at in range(1_000)), appended=T0)
    assert driver.known().flagged, "more in a day of append time than a person does"


def test_an_edge_may_say_that_it_is_a_machine() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="a", flags=("bot",)))
    assert driver.known().flagged and driver.lessons() == []


def test_erasure_leaves_nothing_and_later_records_are_skipped() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="secret"), interaction("purchase", "secret"), answer(items=["secret"]))
    driver.take(interaction(item="other", subject=BERT))
    driver.erase(ANNA, T0 + MINUTE)
    driver.driver.crash()
    driver.take(interaction(item="later", at=T0 + 2 * MINUTE), answer("r2", at=T0 + 2 * MINUTE))
    driver.tick(T0 + 60 * MINUTE)
    assert driver.features() is None and driver.features(BERT) is not None
    kept = {key: content for key, content in driver.cells().items() if ANNA.encode() in key + content}
    assert list(kept) == [b"g" + ANNA.encode()]
    lessons = [lesson for lesson in driver.lessons() if lesson.subject == ANNA]
    assert [lesson.kind for lesson in lessons] == ["interaction", "interaction", "forget"]
    assert driver.exposures() == [] and driver.fates()["erased"] == 1
    assert driver.rules.counts.answers == {"opened": 1, "erased": 1}


def test_a_new_task_knows_erasures_before_any_record() -> None:
    driver = SubjectsDriver()
    driver.send(interaction(item="a"))
    driver.erase(ANNA, T0 + MINUTE)
    again = SubjectsDriver()
    for topic in (RAW, "subjects.erased"):
        for stored in driver.driver.outputs(topic):
            again.driver.send(topic, stored.key, stored.value, stored.headers, stored.timestamp)
    again.driver.crash()
    again.driver.run()
    assert again.lessons() == [] and again.features() is None and again.fates() == {"erased": 1}


def test_a_replay_brings_nothing_back_of_who_is_erased_later() -> None:
    driver = SubjectsDriver(will_be_erased=lambda key: key == ANNA.encode())
    driver.take(interaction(item="secret"), interaction(item="other", subject=BERT), answer())
    driver.erase(ANNA, T0 + MINUTE)
    assert [lesson.subject for lesson in driver.lessons()] == [BERT]
    assert [stored.value for stored in driver.driver.outputs(FEATURES) if stored.key == ANNA.encode()] == [None]
    assert driver.fates() == {"taken": 1, "erased": 1}


def test_who_does_nothing_for_long_is_forgotten() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="a"), answer())
    driver.tick(T0 + 50 * DAY)
    assert driver.features() is not None
    assert not [key for key in driver.cells() if key.startswith((b"d" + ANNA.encode(), b"t" + ANNA.encode()))]
    driver.tick(T0 + 100 * DAY)
    assert driver.features() is None and not [key for key in driver.cells() if ANNA.encode() in key]
    assert len(driver.state()) == 1


def test_many_who_went_silent_are_not_all_in_memory_at_once() -> None:
    driver = SubjectsDriver()
    for number in range(50):
        driver.take(interaction(subject=f"{number:022}"))
        driver.take(interaction("consent", None, subject=f"no{number:020}", consent=False))
    driver.driver.crash()
    driver.tick(T0 + 10 * DAY)
    assert len(driver.state()) == 101 and len(driver.state()._people) == 1
    assert not [key for key in driver.cells() if key.startswith(b"d0")]
    driver.tick(T0 + 100 * DAY)
    assert len(driver.state()) == 51 and len(driver.state()._people) == 1


def test_what_is_too_old_goes_also_after_a_clock_was_ahead() -> None:
    driver = SubjectsDriver()
    driver.take(interaction(subject=BERT), appended=T0 + 40 * DAY)
    driver.take(interaction(), appended=T0)
    driver.tick(T0 + 10 * DAY)
    assert not [key for key in driver.cells() if key.startswith(b"d" + ANNA.encode())]


def test_an_answer_that_no_cell_holds_is_a_dead_letter() -> None:
    driver = SubjectsDriver()
    driver.take(answer("huge", surface="x" * 950_000), answer("good"))
    (letter,) = driver.dead_letters()
    assert letter["deadletter.reason"] == "too_large"
    assert driver.rules.counts.answers == {"opened": 1}


@pytest.mark.parametrize(
    ("value", "headers", "key", "reason"),
    [
        (b"{", [("schema", b"interaction.v1")], ANNA, "invalid_record"),
        (b"{}", [("schema", b"nonsense.v1")], ANNA, "unknown_schema"),
        (encode(answer()), headers_of(answer()), ANNA, "invalid_record"),
        (encode(interaction()), headers_of(interaction()), BERT, "invalid_record"),
        (encode(interaction(item="x" * 300)), headers_of(interaction()), ANNA, "invalid_record"),
        (encode(interaction(site="elsewhere")), headers_of(interaction()), ANNA, "invalid_record"),
        (encode(interaction(at=-1)), headers_of(interaction()), ANNA, "invalid_time"),
        (
            encode(interaction()).replace(b'"time":', b'"time":-9999999999999999'),
            headers_of(interaction()),
            ANNA,
            "invalid_time",
        ),
        (encode(interaction("rating", value=1e300)), headers_of(interaction()), ANNA, "invalid_record"),
        (encode(interaction(recommendation="r" * 70_000)), headers_of(interaction()), ANNA, "invalid_record"),
        (
            encode(interaction(item="?")).replace(b"?", b"\xed\xa0\x80"),
            headers_of(interaction()),
            ANNA,
            "invalid_record",
        ),
        (HUGE_POSITION, headers_of(interaction()), ANNA, "invalid_record"),
    ],
)
def test_what_is_malformed_is_a_dead_letter_and_costs_itself_alone(
    value: bytes, headers: list[tuple[str, bytes]], key: str, reason: str
) -> None:
    driver = SubjectsDriver()
    driver.take(interaction(item="a"))
    driver.driver.send(RAW, key.encode(), value, headers, T0)
    driver.take(interaction(item="b"))
    (letter,) = driver.dead_letters()
    assert (letter["deadletter.reason"], letter["deadletter.topic"]) == (reason, RAW)
    assert driver.known().counts == {"view": 2}
    assert driver.rules.counts.dead_letters == {reason: 1}
