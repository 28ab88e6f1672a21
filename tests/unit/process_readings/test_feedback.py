"""What operators say of a series' anomalies moves its threshold step by step, within bounds, each anomaly once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.records import FeedbackVerdict
from process_readings.feedback import LEAST, MOST, REMEMBERED, SeriesFeedback, restore_feedback

VERDICTS: tuple[FeedbackVerdict, ...] = ("true", "false", "expected")
SAID = st.lists(st.tuples(st.integers(0, 2 * REMEMBERED), st.sampled_from(VERDICTS)), max_size=200)


def anomaly(number: int) -> bytes:
    return number.to_bytes(16, "little")


def hear(said: list[tuple[int, FeedbackVerdict]], feedback: SeriesFeedback | None = None) -> SeriesFeedback:
    feedback = feedback or SeriesFeedback("ensemble")
    for number, verdict in said:
        feedback.hear(anomaly(number), verdict)
    return feedback


@pytest.mark.parametrize(("verdict", "steps"), [("true", -1), ("false", 1), ("expected", 1)])
def test_each_verdict_is_a_step(verdict: FeedbackVerdict, steps: int) -> None:
    feedback = SeriesFeedback("ensemble")
    assert feedback.hear(anomaly(1), verdict) == "moved"
    assert feedback.steps == steps


def test_an_anomaly_counts_once_however_often_the_same_is_said() -> None:
    feedback = hear([(1, "false")])
    assert [feedback.hear(anomaly(1), verdict) for verdict in ("false", "expected", "false")] == ["repeated"] * 3
    assert feedback.steps == 1


@pytest.mark.parametrize("first", VERDICTS)
def test_a_later_verdict_counts_in_place_of_the_former(first: FeedbackVerdict) -> None:
    for last in VERDICTS:
        corrected = hear([(1, "false"), (2, first), (3, "true"), (2, last)])
        assert corrected.steps == hear([(1, "false"), (2, last), (3, "true")]).steps


def test_steps_are_bounded_and_the_way_back_begins_at_once() -> None:
    feedback = hear([(number, "false") for number in range(MOST)])
    assert feedback.hear(anomaly(100), "false") == "at_bound"
    assert feedback.steps == MOST
    assert feedback.hear(anomaly(101), "true") == "moved"
    assert feedback.steps == MOST - 1
    assert hear([(number, "true") for number in range(20)]).steps == LEAST


def test_a_correction_of_what_moved_nothing_takes_nothing_back() -> None:
    feedback = hear([(number, "false") for number in range(MOST + 1)])
    feedback.hear(anomaly(MOST), "true")
    assert feedback.steps == MOST - 1, "the last one had moved nothing, so only the new verdict counts"


def test_only_the_newest_anomalies_are_remembered() -> None:
    feedback = hear([(number, VERDICTS[number % 2]) for number in range(REMEMBERED + 1)])
    assert feedback.hear(anomaly(1), VERDICTS[1]) == "repeated"
    assert feedback.hear(anomaly(0), VERDICTS[0]) == "moved"
    assert len(feedback.take_state()) <= 620


@given(said=SAID, cut=st.integers(0, 200))
def test_any_order_stays_within_bounds_and_goes_on_to_the_bit(
    said: list[tuple[int, FeedbackVerdict]], cut: int
) -> None:
    whole = hear(said)
    assert LEAST <= whole.steps <= MOST
    again = restore_feedback(hear(said[:cut]).take_state())
    assert not again.is_changed
    hear(said[cut:], again)
    assert again.take_state() == whole.take_state()


def test_it_says_whether_there_is_something_to_keep() -> None:
    feedback = hear([(1, "false")])
    assert feedback.is_changed
    feedback.take_state()
    feedback.hear(anomaly(1), "false")
    assert not feedback.is_changed


def test_what_moved_nothing_is_kept_too_as_the_same_would_count_after_a_restart() -> None:
    feedback = hear([(number, "false") for number in range(MOST)])
    feedback.take_state()
    assert feedback.hear(anomaly(100), "false") == "at_bound"
    assert feedback.is_changed


def test_a_damaged_state_is_refused() -> None:
    state = hear([(1, "false"), (2, "true")]).take_state()
    for size in range(len(state)):
        with pytest.raises(ValueError, match="feedback"):
            restore_feedback(state[:size])
