"""The benchmark of learning, small."""

from loadtest.learning import measure


def test_it_measures_what_it_says() -> None:
    found = measure(items=80, warm=300, count=600)
    assert found["lessons"] + found["exposures"] == 600
    assert 0 < found["items_known"] <= 80
    assert found["cpu_us_per_record"] > found["cpu_us_per_record_without_learning"] > 0
    assert found["restart_relearned"] > 1_000, "all is in the journal"
    assert found["bytes_per_row"] > 100
