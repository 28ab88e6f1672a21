"""Every detector's state is a few numbers, and a detector that is restored from them goes on as the old one."""

import pytest

from process_readings.detect.members.by_name import MEMBERS
from tests.unit.process_readings.detect.kinds import ENSEMBLE_BYTES, KINDS, eventful, judge, make

STATE_BYTES = {
    "level": 88,
    "holt-winters": 150,
    "season": 350,
    "trees": 1_400,
    "small trees": 150,
    "ensemble": ENSEMBLE_BYTES,
    "time_of_day": 415,
    "recent_level": 220,
    "mean_2": 140,
    "mean_8": 140,
    "own_period": 915,
    "forecast": 255,
    "trend": 285,
    "distribution": 555,
    "pace": 145,
    "stuck": 160,
}
"""Most bytes of a state; a level outside an event has 48."""
CUTS = (0, 1, 2, 7, 14, 15, 23, 24, 60, 99, 149, 150, 249, 250, 251, 349, 500, 502, 520, 640, 700, 900)
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_a_restored_detector_goes_on_to_the_bit(kind: str) -> None:
    one, other = make(kind), make(kind)
    for at, (value, time_us) in enumerate(eventful()):
        if at in CUTS:
            state, other = other.state(), make(kind)
            other.restore(state)
            assert other.state() == state == one.state()
        verdict = one.score_one(value, time_us)
        assert one.observe(value, time_us) == verdict == other.observe(value, time_us)
    assert other.state() == one.state()


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"trend"}))  # whose sums the period makes wide
def test_the_series_has_anomalies_to_get_wrong(kind: str) -> None:
    assert any(verdict.is_anomaly for verdict in judge(make(kind), eventful()) if verdict)


@kinds
def test_a_state_stays_small(kind: str) -> None:
    detector = make(kind)
    readings = eventful()
    for begin in range(0, len(readings), 10):
        judge(detector, readings[begin : begin + 10])
        assert len(detector.state()) <= STATE_BYTES[kind]


@kinds
def test_a_state_that_is_cut_short_is_refused(kind: str) -> None:
    detector = make(kind)
    readings = eventful()
    for part in (readings[:5], readings[5:600]):
        judge(detector, part)
        state = detector.state()
        for size in (0, 5, len(state) - 1):
            with pytest.raises(ValueError, match="no state of"):
                make(kind).restore(state[:size])


@pytest.mark.parametrize("member", MEMBERS)
def test_a_state_of_other_members_is_refused(member: str) -> None:
    detector = make(member)
    judge(detector, eventful())
    # The states of both means look alike; the parameters, of which a signature is kept beside a state, tell them apart.
    others = set(KINDS) - {member, "mean_2" if member == "mean_8" else "mean_8"}
    for other in others & {"ensemble", *MEMBERS}:
        with pytest.raises(ValueError, match="no state of"):
            make(other).restore(detector.state())


def test_a_state_of_trees_of_another_size_is_refused() -> None:
    detector = make("trees")
    judge(detector, eventful())
    with pytest.raises(ValueError, match="no state of"):
        make("small trees").restore(detector.state())
