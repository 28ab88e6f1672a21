"""The identity of an anomaly, on which stored rows depend."""

from process_readings.detect.anomaly_id import anomaly_id

PARTS = ("north", "meter/7", "flow", 1_700_000_000_000_000, 0, "robust_level")


def test_the_id_of_a_reading_never_changes() -> None:
    assert anomaly_id(*PARTS) == "25efa6fddeb7550e15b1c1ab84c36128"


def test_every_part_counts_and_none_runs_into_the_next() -> None:
    others = [
        ("south", *PARTS[1:]),
        ("north", "meter", "7/flow", *PARTS[3:]),
        (*PARTS[:2], "pressure", *PARTS[3:]),
        (*PARTS[:3], PARTS[3] + 1, *PARTS[4:]),
        (*PARTS[:4], 1, PARTS[5]),
        (*PARTS[:5], "range"),
    ]
    assert len({anomaly_id(*parts) for parts in (PARTS, *others)}) == len(others) + 1
