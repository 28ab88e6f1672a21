import pytest

from headrace.errors import TerminalError
from ingest_sources.http_apis.marks import MarkOrder

HOUR_US = 3_600_000_000


def test_times_compare_by_what_they_mean_and_not_by_how_they_are_written() -> None:
    order = MarkOrder("2020-01-01T00:00:00Z", 0, "s")
    assert order.key("2020-01-01T01:00:00+01:00") == order.key("2020-01-01T00:00:00Z") == order.key("2020-01-01")
    assert order.key("2020-01-01T00:00:00.5Z") > order.key("2020-01-01T00:00:00Z")  # type: ignore[operator]
    assert order.key("2020-01-01 00:00:00.123456789Z") == order.key("2020-01-01T00:00:00.123456Z")


@pytest.mark.parametrize(
    ("mark", "seconds", "sent"),
    [
        ("2020-01-01T00:00:00Z", 1, "2019-12-31T23:59:59Z"),
        ("2020-01-01T00:00:00.250Z", 0.5, "2019-12-31T23:59:59.750Z"),
        ("2020-01-01T00:00:00.25+02:00", 1, "2019-12-31T23:59:59.25+02:00"),
        ("2020-01-01 00:00:00", 60, "2019-12-31 23:59:00"),
        ("2020-01-01", 60, "2019-12-31"),
        ("2020-01-01T00:00:00.5Z", 0, "2020-01-01T00:00:00.5Z"),
        (1_000, 2, 998),
        ("0001-01-01T00:00:00Z", 1, "0001-01-01T00:00:00Z"),
        ("0001-01-01", 86_400, "0001-01-01"),
        ("0001-01-01T00:00:05.5-05:00", 1, "0001-01-01T00:00:04.5-05:00"),
    ],
)
def test_overlap_is_sent_in_the_way_that_the_api_writes(mark: str | int, seconds: float, sent: str | int) -> None:
    assert MarkOrder(mark, seconds, "s").sent(mark) == sent


def test_overlap_longer_than_time_is_refused() -> None:
    for seconds in (1e15, float("inf")):
        with pytest.raises(ValueError, match="longer than any time"):
            MarkOrder("2020-01-01", seconds, "s")


def test_overlap_of_numbers_counts_as_they_do() -> None:
    assert MarkOrder(0, 2, "ms").sent(5_000) == 3_000
    assert MarkOrder(0, 2, "us").lowest(5_000_000) == 3_000_000


@pytest.mark.parametrize("mark", [None, True, 7, "", "yesterday", "2020-13-01", ["2020-01-01"]])
def test_mark_of_another_kind_is_refused(mark: object) -> None:
    with pytest.raises(TerminalError, match="is no time"):
        MarkOrder("2020-01-01", 0, "s").key(mark)


def test_numbers_may_be_texts() -> None:
    order = MarkOrder(0, 0, "s")
    assert order.key("9007199254740993") == 9_007_199_254_740_993
    with pytest.raises(TerminalError, match="is no number"):
        order.key("seven")


def test_texts_have_no_overlap() -> None:
    with pytest.raises(ValueError, match="neither a time"):
        MarkOrder("v0001", 5, "s")


def test_time_far_in_the_future_is_known() -> None:
    order, now = MarkOrder("2020-01-01", 0, "s"), 1_700_000_000_000_000
    assert order.is_ahead(now + 25 * HOUR_US, now)
    assert not order.is_ahead(now + 23 * HOUR_US, now)
    assert not MarkOrder(0, 0, "s").is_ahead(now * 2, now)
