"""Acks in order of arrival, on the connection on which their messages came."""

from hypothesis import given
from hypothesis import strategies as st

from ingest_mqtt.mqtt_packets import Properties, Publish
from ingest_mqtt.window import Entry, Window


class _Report:
    """What librdkafka says of a delivered record."""

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 40


def _add(window: Window, mid: int, qos: int = 1, properties: Properties | None = None) -> Entry:
    return window.add(Publish(b"t", b"", mid, qos, False, False, properties), 10)


@given(order=st.permutations(range(12)), looks=st.sets(st.integers(0, 11)))
def test_acks_leave_in_order_whatever_the_order_of_reports(order: list[int], looks: set[int]) -> None:
    window = Window(100, 10_000)
    entries = [_add(window, mid) for mid in range(12)]
    acked: list[int] = []
    reported: set[int] = set()
    for step, index in enumerate(order):
        entries[index](None, _Report())
        reported.add(index)
        if step in looks:
            acked += window.release()
            assert set(acked) <= reported
    assert acked + window.release() == list(range(12))
    assert window.outstanding == window.outstanding_bytes == window.unacked == 0


def test_a_message_that_goes_nowhere_waits_for_its_turn() -> None:
    window = Window(100, 10_000)
    first = _add(window, 1)
    window.skip(Publish(b"t", b"", 2, 1, False, False))

    assert window.release() == []
    first(None, _Report())
    assert window.release() == [1, 2]


def test_a_late_report_acknowledges_nothing_on_the_next_connection() -> None:
    window = Window(100, 10_000)
    old = _add(window, 1)
    assert window.abandon() == 1
    again = _add(window, 1)

    old(None, _Report())
    assert window.release() == []
    assert not window.awaits(old)
    again(None, _Report())
    assert window.release() == [1]


def test_a_failed_record_is_never_acknowledged() -> None:
    window = Window(100, 10_000)
    failed, later = _add(window, 1), _add(window, 2)
    failed(RuntimeError("refused"), None)
    later(None, _Report())

    assert window.release() == []
    assert [entry for entry, _, _ in window.failures] == [failed]
    assert window.outstanding == 0


def test_reports_of_an_ended_connection_still_count_against_the_limit() -> None:
    window = Window(2, 10_000)
    old = [_add(window, 1), _add(window, 2)]
    window.abandon()

    assert window.is_full()
    old[0](None, _Report())
    assert not window.is_full()


def test_bytes_fill_the_window_too() -> None:
    window = Window(100, 10)
    entry = _add(window, 1)

    assert window.is_full()
    entry(None, _Report())
    assert not window.is_full()


def test_qos_0_needs_no_ack_and_is_counted_apart() -> None:
    window = Window(100, 10_000)
    entry = _add(window, 0, qos=0)

    assert (window.outstanding_qos0, window.unacked) == (1, 0)
    entry(None, _Report())
    assert (window.outstanding_qos0, window.release()) == (0, [])


def test_only_what_asks_for_a_receipt_is_kept_for_one() -> None:
    window = Window(100, 10_000)
    asks = _add(window, 1, properties=Properties(5, response_topic="r"))
    _add(window, 2, properties=Properties(5, correlation=b"x"))(None, _Report())
    asks(None, _Report())

    assert window.confirmed == [(asks, 3, 40)]


def test_age_is_that_of_the_oldest_message_or_of_a_full_window() -> None:
    window = Window(1, 10_000)
    window.now = 100.0
    assert window.stalled_for(105.0) == 0.0
    _add(window, 1)
    assert window.stalled_for(107.0) == 7.0
    window.now = 110.0
    assert window.is_full()
    window.abandon()
    assert window.stalled_for(130.0) == 20.0
