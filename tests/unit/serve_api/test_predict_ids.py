"""Ids of predictions."""

import uuid

from headrace.testing import FakeClock
from serve_api.predictions.prediction_ids import new_id


def test_an_id_is_a_uuid_of_version_7_with_the_time() -> None:
    clock = FakeClock(1_769_860_800_123_456)
    found = uuid.UUID(new_id(clock))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == 1_769_860_800_123


def test_ids_differ_and_sort_by_time() -> None:
    clock = FakeClock()
    first = {new_id(clock) for _ in range(1_000)}
    clock.advance(0.001)
    assert len(first) == 1_000
    assert max(first) < new_id(clock)
