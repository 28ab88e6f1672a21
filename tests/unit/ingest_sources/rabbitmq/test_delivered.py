"""Which messages that come again are in Kafka already."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ingest_sources.rabbitmq.delivered import Delivered
from ingest_sources.rabbitmq.message import Message

GRACE_S = 30.0


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def messages(bodies: str, redelivered: bool = False) -> list[Message]:
    """One of each letter."""
    return [Message(tag, redelivered, "", "q", {}, body.encode()) for tag, body in enumerate(bodies, 1)]


def process(unsure: Sequence[str], clock: Time | None = None) -> Delivered:
    """A new process that reads this cursor."""
    delivered = Delivered(100, GRACE_S, clock or Time())
    delivered.resume(unsure)
    return delivered


def text(found: Iterable[Message]) -> str:
    return "".join(message.body.decode() for message in found)


def test_a_round_whose_acknowledgement_was_lost_is_known_as_a_whole() -> None:
    unsure = process(()).unsure([messages("aab")])
    again = process(unsure)
    assert text(again.split([*messages("aab", True), *messages("ac")], is_dry=True)) == "ac"
    # It is acknowledged with the next round, and is unsure until then.
    assert text(process(again.unsure([messages("aabac")])).split(messages("aabac", True), True)) == ""


def test_equal_messages_that_were_given_out_after_the_round_are_new() -> None:
    """Its acknowledgement arrived; then a second process died with others, of which one equals one of the round."""
    unsure = process(()).unsure([messages("ab")])
    assert text(process(unsure).split(messages("ac", True), is_dry=True)) == "ac"


def test_more_equal_messages_than_were_in_the_round_are_new() -> None:
    unsure = process(()).unsure([messages("aa")])
    assert text(process(unsure).split(messages("aaa", True), is_dry=True)) == "a"


def test_a_batch_is_known_though_the_one_before_it_was_settled() -> None:
    unsure = process(()).unsure([messages("ab"), messages("c"), messages("d")])
    assert text(process(unsure).split(messages("cde", True), is_dry=True)) == "e"


def test_one_that_comes_without_the_flag_is_new_and_proves_nothing_later() -> None:
    unsure = process(()).unsure([messages("a")])
    again = process(unsure)
    assert text(again.split(messages("a"), is_dry=True)) == "a"
    assert again.unsure() == []


def test_a_round_stays_unsure_until_the_former_connection_is_surely_dead_and_the_queue_went_on() -> None:
    clock = Time()
    unsure = process(()).unsure([messages("a")])
    again = process(unsure, clock)
    again.split(messages("b"), is_dry=True)
    assert again.unsure() == unsure
    clock.now = GRACE_S + 1
    again.split(messages("c", True), is_dry=False)
    assert again.unsure() == unsure
    again.split(messages("d"), is_dry=False)
    assert again.unsure() == []


def test_a_broker_that_forgot_acknowledgements_gives_nothing_twice() -> None:
    delivered = process(())
    for bodies in ("ab", "cd"):
        delivered.note_committed(delivered.split(messages(bodies), is_dry=False))
    delivered.split(messages("e"), is_dry=False)
    delivered.resume(())
    assert text(delivered.split(messages("abcdef", True), is_dry=True)) == "ef"


def test_what_repeats_is_rather_delivered_twice_than_lost_when_a_broker_forgot() -> None:
    delivered = process(())
    for _ in range(2):
        delivered.note_committed(delivered.split(messages("a"), is_dry=False))
    delivered.resume(())
    assert text(delivered.split(messages("a", True), is_dry=True)) == "a"


def test_what_is_remembered_ends() -> None:
    clock = Time()
    delivered = process((), clock)
    delivered.note_committed(delivered.split(messages("a"), is_dry=False))
    clock.now = 3_600.0
    assert text(delivered.split(messages("a", True), is_dry=True)) == "a"


def test_the_cursor_stays_small() -> None:
    unsure: Sequence[str] = ()
    for number in range(20):
        again = process(unsure)
        unsure = again.unsure([messages(chr(ord("a") + number) * 100)])
    assert sum(map(len, unsure)) == 4 * 100 * 16


def test_identity_is_that_of_all_that_a_publisher_says() -> None:
    message = Message(1, False, "shop", "new", {"message_id": "1", "headers": {"a": 1}}, b"{}")
    same = replace(
        message, tag=9, redelivered=True, properties={"headers": {"a": 1, "x-delivery-count": 2}, "message_id": "1"}
    )
    assert message.identity == same.identity
    others = [
        replace(message, body=b"[]"),
        replace(message, routing_key="old"),
        replace(message, exchange=""),
        replace(message, properties={"message_id": "2", "headers": {"a": 1}}),
        replace(message, properties={"message_id": "1", "headers": {"a": 2}}),
    ]
    assert len({other.identity for other in [message, *others]}) == 6
