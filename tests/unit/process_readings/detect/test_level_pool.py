"""Detectors in one table judge as each of them would alone, to the bit."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_readings.detect.level_pool import VECTOR_FROM, Found, LevelPool
from process_readings.detect.robust_level import RobustLevel

PARAMETERS: tuple[dict[str, float], ...] = ({}, {"threshold": 4.0, "warm_up": 15, "relearn_after": 3})
SPECIAL = (0.0, -0.0, 1.0, 7.0, 7.0000001, 5e-324, 1e100, -1e100, 1e6, 20.5)
VALUES = st.one_of(st.sampled_from(SPECIAL), st.floats(-1e3, 1e3))


def _model(number: int) -> RobustLevel:
    return RobustLevel(**PARAMETERS[number % len(PARAMETERS)])  # type: ignore[arg-type]  # the counts are whole


class Both:
    """A pool, and the same detectors one by one."""

    def __init__(self, count: int) -> None:
        self.pool = LevelPool()
        prototypes = [_model(number) for number in range(len(PARAMETERS))]
        self.rows = [self.pool.add(prototypes[number % len(PARAMETERS)]) for number in range(count)]
        self.alone = [_model(number) for number in range(count)]

    def heed(self, number: int, steps: int) -> None:
        """Moves the threshold of a series by number in both."""
        self.pool.heed(self.rows[number], steps)
        self.alone[number].heed(steps)

    def observe(self, readings: list[tuple[int, float]]) -> Found:
        """Gives readings of series by number to both; what the pool found."""
        found = self.pool.observe([self.rows[number] for number, _ in readings], [value for _, value in readings])
        expected: Found = []
        for position, (number, value) in enumerate(readings):
            verdict = self.alone[number].observe(value, 0)
            if verdict is not None and verdict.is_anomaly:
                expected.append((position, verdict))
        assert found == expected
        assert [self.pool.state(row) for row in self.rows] == [model.state() for model in self.alone]
        return found


def _shape(number: int, rng: random.Random) -> Iterator[float]:
    at = 0
    while True:
        at += 1
        yield (
            rng.gauss(20.0, 1.0),
            float(round(rng.gauss(20.0, 0.3))),
            7.0 if rng.random() < 0.97 else 9.0,
            rng.gauss(0.0, 1.0) * 10.0 ** rng.choice([0, 0, 0, 5]),
            0.0 if at // 60 % 2 else 100.0 + rng.random(),
            rng.choice(SPECIAL),
        )[number % 6]


@pytest.mark.parametrize("count", [2, VECTOR_FROM, 100])
def test_a_pool_judges_as_its_detectors_would_alone(count: int) -> None:
    rng = random.Random(count)
    both = Both(count)
    series = [_shape(number + 3, rng) for number in range(count)]
    anomalies = 0
    for _ in range(40):
        both.heed(rng.randrange(count), rng.randint(-2, 8))
        picked = [rng.randrange(count if rng.random() < 0.7 else 2) for _ in range(rng.choice([1, VECTOR_FROM, 600]))]
        anomalies += len(both.observe([(number, next(series[number])) for number in picked]))
    assert anomalies > 20


@given(readings=st.lists(st.tuples(st.integers(0, VECTOR_FROM + 5), VALUES), max_size=200))
def test_any_readings_are_judged_the_same(readings: list[tuple[int, float]]) -> None:
    both = Both(VECTOR_FROM + 6)
    # Past the first readings, so that numpy has its part.
    both.observe([(number, value) for value in (1.0, 2.0, 4.0) * 7 for number in range(VECTOR_FROM + 6)])
    both.observe(readings)


def test_where_readings_are_cut_into_batches_does_not_matter() -> None:
    rng = random.Random(5)
    readings = [(rng.randrange(60), rng.gauss(0, rng.choice([1, 1, 1, 50]))) for _ in range(6_000)]
    whole, cut = Both(60), Both(60)
    found = whole.observe(readings)
    in_parts = [
        (begin + at, verdict)
        for begin in range(0, 6_000, 77)
        for at, verdict in cut.observe(readings[begin : begin + 77])
    ]
    assert in_parts == found
    assert found


@pytest.mark.parametrize("learned", [0, 7, 15, 300])
def test_a_detector_goes_on_in_another_pool(learned: int) -> None:
    one, other = LevelPool(), LevelPool()
    values = [random.Random(1).gauss(0, 1) for _ in range(learned)]
    row = one.add(RobustLevel())
    one.observe([row] * learned, values)
    again = other.add(RobustLevel(), one.state(row))
    assert other.state(again) == one.state(row)
    assert other.observe([again] * 2, [500.0, 1.0]) == one.observe([row] * 2, [500.0, 1.0])


def test_a_row_that_was_let_go_starts_anew() -> None:
    pool = LevelPool()
    row = pool.add(RobustLevel(), steps=8)
    pool.observe([row] * 300, [20.0 + at % 3 for at in range(300)])
    pool.release(row)
    assert len(pool) == 0
    again = pool.add(RobustLevel())
    assert (again, pool.state(again), len(pool)) == (row, RobustLevel().state(), 1)
    pool.observe([row] * 300, [20.0 + at % 3 for at in range(300)])
    ((_, verdict),) = pool.observe([row], [90.0])
    assert verdict.threshold == RobustLevel().threshold


def test_a_pool_grows() -> None:
    both = Both(1_000)
    both.observe([(number, float(number)) for number in range(1_000)] * 20)
