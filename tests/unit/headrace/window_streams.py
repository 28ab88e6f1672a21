"""Streams of readings for property tests of windows ten units wide."""

from hypothesis import strategies as st

from tests.unit.headrace.windows_driver import Event

LATENESS = st.sampled_from([0, 1, 10, 13, 30])
VALUES = st.sampled_from([0.1, 0.2, 0.3, -0.0, 0.0, -7.5, 1e16, 21.5])
KEYS = st.sampled_from([b"a", b"a", b"b"])
CUTS = st.lists(st.integers(0, 60), max_size=8)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Readings that mostly go forward, on grids on which bounds are met, with steps back and fast clocks."""
    steps = st.sampled_from(draw(st.sampled_from([[0, 0, 1, 5, 10], [0, 1, 1, 2, 3]])))
    jitter = st.sampled_from([0, 0, 0, 0, -1, -5, -10, -20, -35, 30, 900])
    events, now = [], -60
    for key, step, away, value in draw(st.lists(st.tuples(KEYS, steps, jitter, VALUES), max_size=60)):
        now += step
        events.append(Event(key, now + away, value, now + 60))
    return events
