"""What strangers and rude clients send: each a request that is refused, in a closed loop, by a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

_DAY_S = 86_400
_ANSWER_S = 15.0
_SHOWN = 200


class Keys(msgspec.Struct, frozen=True):
    """Of the clients: the attacker's own server key, and that of a page which everybody can read."""

    attacker: str
    page: str


@dataclass(frozen=True)
class Attack:
    """Attributes:
    statuses: with which its requests may be answered; anything else is a failure.
    tells: what a refusal says, in lower case; one of them.
    request: makes the next one.
    """

    statuses: frozenset[int]
    tells: tuple[str, ...]
    request: Callable[[], bytes]


@dataclass
class Heard:
    """What an attacker was answered: how often each status, and the words of the first refusal."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    said: str = ""
    not_refused: list[str] = field(default_factory=list)


def attacks(keys: Keys) -> dict[str, Attack]:
    """All of them, by name."""
    own, page = {"Authorization": f"Bearer {keys.attacker}"}, {"Authorization": f"Bearer {keys.page}"}
    many = _json({"events": [_event(number, "mug-1") for number in range(10_000)]})
    short = _json({"events": [{"kind": "view"}] * 10_000})
    times = (time.time() + 3_600, time.time() - 365 * _DAY_S)
    odd = _json({"events": [{**_event(n, "mug-1"), "time": times[n % 2]} for n in range(1_000)]})
    deep = "query { " + "recommendations { " * 50 + "id" + " }" * 50 + " }"
    wide = "query { " + " ".join(f"a{n}: trending(count: 100) {{ id }}" for n in range(1_000)) + " }"
    same = "query { trending { " + "id " * 900 + "} }"
    doubled = " ".join(f"fragment f{n} on Recommendations {{ ...f{n + 1} ...f{n + 1} }}" for n in range(30))
    doubling = f"query {{ trending {{ ...f0 }} }} {doubled} fragment f30 on Recommendations {{ id }}"
    numbers = itertools.count()
    refused, limited = frozenset({422, 429}), ("rate", "more often")

    def post(path: str, body: bytes, headers: dict[str, str]) -> Callable[[], bytes]:
        request = _request("POST", path, headers, body)
        return lambda: request

    def another() -> bytes:
        return _request("POST", "/v1/events", page, _json({**_event(next(numbers), "mug-1"), "user": "user-1"}))

    return {
        "10,000 events": Attack(refused, ("over 1,000", *limited), post("/v1/events", many, own)),
        "10,000 short events": Attack(refused, ("over 1,000", *limited), post("/v1/events", short, own)),
        "a body of 10 MB": Attack(
            frozenset({413, 429}),
            ("at most", *limited),
            post("/v1/events", b'{"a": "' + b"x" * 10_000_000 + b'"}', own),
        ),
        "future and past times": Attack(refused, ("after now", "days ago", *limited), post("/v1/events", odd, own)),
        "unknown items": Attack(
            frozenset({404, 429}),
            ("no item", *limited),
            lambda: _request("GET", f"/v1/items/{secrets.token_hex(64)}/similar", own),
        ),
        "another user's id": Attack(frozenset({403, 429}), ("token", *limited), another),
        "depth of 50": Attack(
            frozenset({200, 429}), ("depth", *limited), post("/v1/graphql", _json({"query": deep}), own)
        ),
        "1,000 aliases": Attack(
            frozenset({200, 422, 429}), ("alias", "token", *limited), post("/v1/graphql", _json({"query": wide}), own)
        ),
        "one field 900 times": Attack(
            frozenset({200, 422, 429}),
            ("pairs of fields", "token", *limited),
            post("/v1/graphql", _json({"query": same}), own),
        ),
        "fragments that double": Attack(
            frozenset({200, 422, 429}),
            ("pairs of fields", "token", *limited),
            post("/v1/graphql", _json({"query": doubling}), own),
        ),
        "unknown keys": Attack(
            frozenset({401}),
            ("key",),
            lambda: _request("GET", "/v1/trending", {"Authorization": f"Bearer {secrets.token_hex(32)}"}),
        ),
        "its own rate": Attack(
            frozenset({202, 429}),
            limited,
            lambda: _request("POST", "/v1/events", own, _json(_event(next(numbers), secrets.token_hex(64)))),
        ),
    }


async def attack(port: int, what: Attack, seconds: float) -> Heard:
    """Sends one request after the other, each when the one before is answered."""
    heard, end = Heard(), time.monotonic() + seconds
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    while time.monotonic() < end:
        try:
            if reader is None or writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.timeout(_ANSWER_S):
                status, body, is_closed = await _exchange(reader, writer, what.request())
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            # A server may close while a body that is too long is still being sent.
            status, body, is_closed = 0, repr(error).encode(), True
        heard.requests += 1
        heard.statuses[status] += 1
        _judge(what, status, body.decode(errors="replace"), heard)
        if is_closed and writer is not None:
            writer.transport.abort()
            reader = writer = None
    if writer is not None:
        writer.close()
    return heard


def _judge(what: Attack, status: int, body: str, heard: Heard) -> None:
    is_taken = status == 202 and 202 in what.statuses
    is_refused = status in what.statuses and any(word in body.lower() for word in what.tells)
    if is_refused and not heard.said:
        heard.said = body[:_SHOWN]
    if not (is_taken or is_refused or status == 0) and len(heard.not_refused) < 3:
        heard.not_refused.append(f"{status} {body[:_SHOWN]}")


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes, bool]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    body = await reader.readexactly(length)
    # What is still to be sent of a long body would be read as the next request.
    return int(lines[0].split(b" ")[1]), body, b"connection: close" in lines or len(request) > 1_000_000


def _event(number: int, item: str) -> dict[str, object]:
    return {"id": f"a{number}", "kind": "view", "user": f"user-{number % 100}", "item": item}


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def _request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    own = {"Host": "127.0.0.1", **headers}
    if body:
        own |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in own.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _named(chosen: list[str], keys: Keys) -> Iterator[tuple[str, Attack]]:
    known = attacks(keys)
    yield from ((name, known[name]) for name in chosen or known)


async def _all(port: int, keys: Keys, chosen: list[str], seconds: float) -> dict[str, object]:
    named = dict(_named(chosen, keys))
    heard = await asyncio.gather(*(attack(port, each, seconds) for each in named.values()))
    return {name: vars(each) for name, each in zip(named, heard, strict=True)}


def main() -> None:
    """Attacks, and prints what was heard as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--keys", required=True, help="JSON")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    keys = msgspec.json.decode(options.keys, type=Keys)
    print(json.dumps(asyncio.run(_all(options.port, keys, options.names, options.seconds))))


if __name__ == "__main__":
    main()
