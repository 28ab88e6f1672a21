"""Numbered readings with receipts at a bounded rate: `python -m loadtest.devices.numbered --help`.

Each value says which message it came in, so that a lost, doubled or swapped one shows. Ends with one line of JSON: how
many messages have no receipt after the time-out, and how many were sent again for want of one.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.pace import paced
from loadtest.devices.publisher import Message, Publisher, Receipt
from loadtest.history import Accepted, HistoryWriter, Sent

_BAD_EVERY = 250
_TWICE_EVERY = 500
_POLL_S = 0.1


@dataclass(frozen=True)
class Options:
    """What to send.

    Attributes:
        rate: messages a second; each has three readings.
        timeout: seconds after the last message within which all receipts must come.
        resend_after: seconds without a new receipt after which what has none is published again; 0 for never.
        first: the number of the first message; runs on one pipeline must not share numbers.
    """

    host: str
    port: int
    history: Path
    count: int = 20_000
    rate: float = 1_000.0
    devices: int = 50
    timeout: float = 120.0
    resend_after: float = 0.0
    first: int = 0


class NumberedReadings:
    """Makes the messages: one in 250 is malformed, one in 500 is sent twice; times of a device never repeat."""

    def __init__(self, devices: int) -> None:
        self._names = [f"numbered-{index:03d}" for index in range(devices)]
        self._topics = [topic_field(f"devices/{name}/telemetry") for name in self._names]
        self._last_ms = [0] * devices

    def make(self, number: int, now_ms: int) -> tuple[Message, Sent]:
        """The message of a number, and what the history says of it."""
        index = number % len(self._names)
        time_ms = self._last_ms[index] = max(now_ms, self._last_ms[index] + 1)
        values: dict[str, float | int | bool | str] = {"whole": number, "half": number / 2, "tenth": number / 10}
        body = msgspec.json.encode({"ts": time_ms, "values": values})
        is_bad = number % _BAD_EVERY == _BAD_EVERY // 2
        sent = Sent(
            number=number,
            device=self._names[index],
            time=time_ms * 1_000,
            values={} if is_bad else values,
            identity=str(number),
            bad="malformed_json" if is_bad else "",
        )
        return Message(self._topics[index], body[:-1] if is_bad else body, number), sent


class Outstanding:
    """The messages that have no receipt yet; receipts go to the history as they come."""

    def __init__(self, history: HistoryWriter) -> None:
        self.messages: dict[int, Message] = {}
        self.last_receipt = time.monotonic()
        self._history = history

    def take(self, receipts: list[Receipt]) -> None:
        """Notes receipts; one that comes again says nothing new."""
        new = [receipt for receipt in receipts if self.messages.pop(receipt.number, None)]
        self._history.add(map(_accepted, new))
        if new:
            self.last_receipt = time.monotonic()


def _accepted(receipt: Receipt) -> Accepted:
    body = msgspec.json.decode(receipt.body)
    return Accepted(receipt.number, body["topic"], body["partition"], body["offset"])


@dataclass(frozen=True)
class Result:
    """Messages that have no receipt, and how often a message was sent again since it had none."""

    without_receipt: int
    sent_again: int


async def run(options: Options) -> Result:
    """Sends everything and waits for the receipts."""
    with HistoryWriter(options.history) as history:
        outstanding = Outstanding(history)
        client_id = f"numbered-{options.first}"
        publisher = Publisher(options.host, options.port, client_id, on_receipts=outstanding.take)
        async with publisher:
            await _send_all(options, publisher, outstanding, history)
            sent_again = await _await_receipts(options, publisher, outstanding)
    return Result(len(outstanding.messages), sent_again)


async def _send_all(options: Options, publisher: Publisher, outstanding: Outstanding, history: HistoryWriter) -> None:
    readings, number = NumberedReadings(options.devices), options.first
    async for due in paced(options.rate, options.count):
        now_ms = time.time_ns() // 1_000_000
        made = [readings.make(number + index, now_ms) for index in range(due)]
        number += due
        history.add(sent for _, sent in made)
        outstanding.messages.update((message.number, message) for message, _ in made)
        await publisher.publish(list(_some_twice(message for message, _ in made)))


def _some_twice(messages: Iterable[Message]) -> Iterable[Message]:
    for message in messages:
        yield message
        if message.number % _TWICE_EVERY == 0:
            yield message


async def _await_receipts(options: Options, publisher: Publisher, outstanding: Outstanding) -> int:
    """Returns how many messages were sent again."""
    deadline = time.monotonic() + options.timeout
    last_sent, sent_again = time.monotonic(), 0
    while outstanding.messages and time.monotonic() < deadline:
        quiet_since = max(outstanding.last_receipt, last_sent)
        if options.resend_after and time.monotonic() - quiet_since > options.resend_after:
            missing = list(outstanding.messages.values())
            await publisher.publish(missing)
            last_sent, sent_again = time.monotonic(), sent_again + len(missing)
        await asyncio.sleep(_POLL_S)
    return sent_again


def main() -> None:
    """Runs once over all numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--history", type=Path, required=True, help="where to log what is sent and receipted")
    parser.add_argument("--count", type=int, default=20_000, help="how many messages")
    parser.add_argument("--rate", type=float, default=1_000.0, help="messages a second")
    parser.add_argument("--devices", type=int, default=50, help="how many devices")
    parser.add_argument("--first", type=int, default=0, help="number of the first message")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds to wait for the last receipts")
    parser.add_argument("--resend-after", type=float, default=0.0, help="seconds of quiet before sending again")
    print(json.dumps(asdict(asyncio.run(run(Options(**vars(parser.parse_args())))))))


if __name__ == "__main__":
    main()
