"""A client of server-sent events: reads the stream on a thread, so that a test can wait for an event."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from headrace.testing import wait_until


@dataclass
class Event:
    """One event; a comment has only `comment`."""

    name: str = ""
    id: str = ""
    comment: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class EventStream:
    """The events so far; `ended` tells that the server closed the stream."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ended = threading.Event()

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def wait_for(self, name: str, count: int = 1) -> list[Event]:
        wait_until(lambda: len(self.named(name)) >= count, f"{count} events {name!r}")
        return self.named(name)

    def wait_for_comment(self, text: str) -> None:
        wait_until(lambda: any(text in event.comment for event in self.events), f"the comment {text!r}")

    def read(self, lines: Iterator[str]) -> None:
        event = Event()
        for line in lines:
            if not line:
                self.events.append(event)
                event = Event()
            elif line.startswith(":"):
                event.comment = line[1:].strip()
            else:
                kind, _, value = line.partition(": ")
                _set(event, kind, value)
        self.ended.set()


def _set(event: Event, kind: str, value: str) -> None:
    if kind == "data":
        event.data = json.loads(value)
    elif kind == "event":
        event.name = value
    elif kind == "id":
        event.id = value


@contextmanager
def following(url: str, headers: Mapping[str, str] | None = None) -> Iterator[EventStream]:
    """Follows a stream; the server has subscribed when the block begins."""
    stream = EventStream()
    timeout = httpx.Timeout(30, read=None)
    with httpx.Client(timeout=timeout) as client, client.stream("GET", url, headers=dict(headers or {})) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        thread = threading.Thread(target=_read, args=(stream, answer), daemon=True)
        thread.start()
        stream.wait_for_comment("following")
        yield stream
        with suppress(OSError):
            answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _read(stream: EventStream, answer: httpx.Response) -> None:
    try:
        stream.read(answer.iter_lines())
    except httpx.HTTPError:
        stream.ended.set()
