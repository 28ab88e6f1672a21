"""How far the stored window counts are from those that the history gives."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadtest.history import Accepted, Event, Sent

WindowKey = tuple[str, str, int, int]
"""Device, metric, width and start, both in µs."""
WIDTHS_US = (10_000_000, 60_000_000)


@dataclass(frozen=True)
class WindowDifference:
    """Windows due and those whose stored count is right; readings that stored counts lack or have too many."""

    due: int
    right: int
    readings_lacking: int
    readings_too_many: int


def expected_counts(history: Iterable[Event]) -> Counter[WindowKey]:
    """Distinct numeric readings of accepted messages by window."""
    events = list(history)
    accepted = {event.number for event in events if isinstance(event, Accepted)}
    readings = {
        (event.device, metric, event.time, event.identity, value)
        for event in events
        if isinstance(event, Sent) and event.number in accepted
        for metric, value in event.values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return Counter(
        (device, metric, width, time // width * width) for device, metric, time, _, _ in readings for width in WIDTHS_US
    )


def compare(expected: Mapping[WindowKey, int], stored: Mapping[WindowKey, int]) -> WindowDifference:
    """The difference between the counts that are due and those of each window's highest revision."""
    differences = [stored.get(key, 0) - expected.get(key, 0) for key in {*expected, *stored}]
    return WindowDifference(
        due=len(expected),
        right=sum(stored.get(key) == count for key, count in expected.items()),
        readings_lacking=-sum(difference for difference in differences if difference < 0),
        readings_too_many=sum(difference for difference in differences if difference > 0),
    )
