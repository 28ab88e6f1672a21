"""The readings of the engine's benchmark: what is in the topic."""

import json
from collections import defaultdict

from loadtest.engine_readings import readings


def test_each_device_comes_in_turn_with_rising_times_that_end_now() -> None:
    times = defaultdict(list)
    for key, value in readings(5_000, 100, hz=2.0):
        if value.endswith(b"}"):
            reading = json.loads(value)
            assert reading["device_id"].encode() == key
            assert isinstance(reading["value"], float)
            times[key].append(reading["ts"])
    assert len(times) == 100
    for of_device in times.values():
        assert of_device == sorted(of_device)
        assert of_device[1] - of_device[0] > 0.49


def test_a_few_are_broken_out_of_range_or_far_off() -> None:
    values = [value for _, value in readings(100_000, 10)]
    whole = [json.loads(value)["value"] for value in values if value.endswith(b"}")]
    assert 20 < len(values) - len(whole) < 100
    assert 400 < sum(value == 999.0 for value in whole) < 600
    assert 60 < sum(50.0 < value < 100.0 for value in whole) < 140


def test_a_seed_gives_the_same_values_again() -> None:
    def values(seed: int) -> list[bytes]:
        return [value.split(b'"ts"')[0] for _, value in readings(1_000, 10, seed=seed)]

    assert values(3) == values(3)
    assert values(3) != values(4)
