"""Recommendations at a steady rate, on one core: `make bench NAME=recommend_serving`.

serve_api, on one core, holds 100,000 people and 50,000 items and is asked 500 times a second in an open loop, each time
for one of 20,000 people. Each answer is in Kafka before it is given. In the same run and on the same core: an empty GET
of the same web server; the same while 5,000 changes of people's features come each second, and while versions of the
model do. Kafka, Cassandra and the generator share the other cores. At the end, with process_interactions, how long an
event takes from its POST until the answer is another one.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import uvloop

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.cassandra import CassandraSettings
from headrace.subjects.keys import ensure_keys
from headrace.subjects.subject import user_name
from headrace.subjects.subjects import open_subjects
from headrace.testing import wait_until
from loadtest import results
from loadtest.empty_endpoint import serve_empty
from loadtest.open_loop import OpenLoop, get_bytes, quantile
from loadtest.predict import Server, figures, free_port
from loadtest.recommend_topics import SITE, MadeShop

_SERVER_CORE = 0
_HOST = "127.0.0.1"
_WARM_S = 3.0
_UPDATES_PER_SECOND = 5_000.0
_AT_ONCE = 2_000
_FRESH_EVENTS = 300


class Target:
    """What is asked of one server."""

    def __init__(self, name: str, server: Server, paths: Sequence[str]) -> None:
        self.name = name
        self.server = server
        self._requests = [get_bytes(f"http://{_HOST}:{server.port}{path}") for path in paths]
        self._next = 0

    def offer(self, rate: float, seconds: float) -> dict[str, float]:
        """Latencies at a rate; the requests go on where they ended before."""
        count = round(rate * seconds)
        requests = [self._requests[(self._next + at) % len(self._requests)] for at in range(count)]
        self._next += count
        before, began = self.server.cpu_seconds(), time.monotonic()
        answers = uvloop.run(OpenLoop(_HOST, self.server.port, requests, connections=64).run(rate, seconds))
        used = (self.server.cpu_seconds() - before) / (time.monotonic() - began)
        found = {**figures(answers, rate, seconds), "cores": round(used, 3)}
        if answers.bodies:
            print(answers.bodies[0], flush=True)
        return found

    def capacity(self, seconds: float) -> int:
        """Answers a second with 64 requests under way all the time."""
        loop = OpenLoop(_HOST, self.server.port, self._requests, connections=64)
        return round(uvloop.run(loop.run_closed(seconds)))


class People:
    """Whom the server is asked about, of all that it knows something of."""

    def __init__(self, stack: Stack, keys: Path, known: int, asked: int) -> None:
        settings = CassandraSettings(
            brokers=stack.brokers, cassandra_hosts=(stack.host,), cassandra_port=stack.ports.cassandra
        )
        subjects = open_subjects(settings, keys)
        subjects.erased.start(60)
        self.users = [f"user-{number}" for number in range(asked)]
        self.subjects: list[str] = []
        for at in range(0, asked, _AT_ONCE):
            names = [user_name(user) for user in self.users[at : at + _AT_ONCE]]
            self.subjects += [each.id for each in subjects.subjects_of(SITE, names)]
        self.subjects += [secrets.token_urlsafe(16) for _ in range(known - asked)]
        subjects.erased.stop()
        subjects.store.close()


def run_all(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """All in turn."""
    rate, seconds = options.rate, options.seconds
    found: dict[str, object] = {"people": options.people, "items": options.items, "asked": options.asked}
    keys = folder / "keys" / "subjects.json"
    keys.parent.mkdir(mode=0o700)
    ensure_keys(keys)
    with temporary_stack() as stack:
        stack.up("kafka", "cassandra")
        stack.create_topics()
        stack.create_tables()
        people = People(stack, keys, options.people, options.asked)
        shop = MadeShop(stack.brokers, options.items, options.sessions)
        shop.write_items()
        shop.write_sessions()
        found["features_bytes"] = shop.write_people(people.subjects)
        print("written", found, flush=True)
        port = free_port()
        empty = Server([sys.executable, "-m", "loadtest.recommend_serving", "--empty", str(port)], port, {})
        try:
            found["empty_get"] = _measured(_ready("empty", empty, ["/"]), rate, seconds)
        finally:
            empty.stop()
        settings = {
            "BROKERS": stack.brokers,
            "CASSANDRA_HOSTS": stack.host,
            "CASSANDRA_PORT": str(stack.ports.cassandra),
            "HTTP_PORT": str(free_port()),
            "SUBJECT_KEYS": str(keys),
            "LOG_LEVEL": "ERROR",
        }
        variables = {f"SERVE_API_{name}": value for name, value in settings.items()}
        began = time.monotonic()
        server = Server([sys.executable, "-m", "serve_api"], int(settings["HTTP_PORT"]), variables)
        try:
            target = _ready("serve_api", server, _paths(people.users))
            found["seconds_until_all_is_read"] = round(_wait_until_read(server, began), 1)
            found.update(_serving(target, shop, people, rate, seconds))
            if options.freshness:
                found["freshness"] = _freshness(stack, server, people.users)
            found["rss_mb"] = round(server.rss() / 1e6)
        finally:
            server.stop()
    return found


def _serving(target: Target, shop: MadeShop, people: People, rate: float, seconds: float) -> dict[str, object]:
    found: dict[str, object] = {"first_asked": target.offer(rate, 10)}
    print("first_asked", found["first_asked"], flush=True)
    # Each person's subject is remembered from then on.
    for _ in range(3):
        target.offer(rate, len(people.users) / rate / 3)
    found["serve_api"] = _measured(target, rate, seconds)
    some = people.subjects[: 2 * _AT_ONCE]
    found["while_features_come"] = _beside(
        target, rate, seconds, lambda: shop.update(some, _UPDATES_PER_SECOND, seconds)
    )
    found["while_models_come"] = _beside(target, rate, seconds, lambda: shop.write_models(seconds))
    found["stages_mean_ms"] = _stages(target.server)
    return found


def _measured(target: Target, rate: float, seconds: float) -> dict[str, float]:
    target.offer(rate, _WARM_S)
    one = {**target.offer(rate, seconds), "capacity_per_second": target.capacity(min(seconds, 10))}
    print(target.name, one, flush=True)
    return one


def _beside(target: Target, rate: float, seconds: float, work: Callable[[], int]) -> dict[str, float]:
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    one = target.offer(rate, seconds)
    thread.join()
    one["written_per_second"] = round(done[0] / seconds)
    print("beside", one, flush=True)
    return one


def _paths(users: Sequence[str]) -> list[str]:
    order = np.random.default_rng(2).permutation(len(users))
    return [f"/v1/recommendations?user={users[number]}&count=10" for number in order]


def _ready(name: str, server: Server, paths: Sequence[str]) -> Target:
    def answers() -> bool:
        return httpx.get(f"http://{_HOST}:{server.port}{paths[0]}", timeout=5).status_code == 200

    wait_until(answers, f"{name} to answer", timeout=120, every=0.2)
    return Target(name, server, paths)


def _wait_until_read(server: Server, began: float) -> float:
    url = f"http://{_HOST}:{server.port}/v1/recommendations?user=user-0"
    wait_until(lambda: httpx.get(url, timeout=5).json()["degraded"] == [], "all to be read", timeout=180, every=0.2)
    return time.monotonic() - began


def _stages(server: Server) -> dict[str, float]:
    text = httpx.get(f"http://{_HOST}:{server.port}/metrics", timeout=10).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("headrace_recommendation_stage"))
    name = 'headrace_recommendation_stage_seconds_{}{{service="serve_api",stage="{}"}}'
    stages = ("subject", "candidates", "rank", "record", "whole")
    return {
        stage: round(float(values[name.format("sum", stage)]) / float(values[name.format("count", stage)]) * 1e3, 3)
        for stage in stages
    }


def _freshness(stack: Stack, server: Server, users: Sequence[str]) -> dict[str, float]:
    """Seconds from the POST of an event until the answer of its user is another one."""
    stack.start("process_interactions")
    stack.wait_ready("process_interactions")
    took: list[float] = []
    with httpx.Client(base_url=f"http://{_HOST}:{server.port}", timeout=10) as http:
        for number in range(_FRESH_EVENTS):
            user = users[number]
            asked = {"user": user, "count": "10", "surface": "home"}
            before = http.get("/v1/recommendations", params=asked).json()
            gone = before["items"][0]["item"]
            began = time.monotonic()
            event = {"id": f"e{number}", "kind": "purchase", "user": user, "item": gone, "value": 1}
            http.post("/v1/events", json=event).raise_for_status()

            def is_changed(gone: str = gone, asked: dict[str, str] = asked) -> bool:
                items = http.get("/v1/recommendations", params=asked).json()["items"]
                return gone not in [row["item"] for row in items]

            wait_until(is_changed, "a changed answer", timeout=30, every=0.005)
            took.append(time.monotonic() - began)
    stack.stop("process_interactions")
    one = {"events": len(took), **{f"p{round(q * 100)}_s": round(quantile(took, q), 3) for q in (0.5, 0.99)}}
    print("freshness", one, flush=True)
    return {**one, "max_s": round(max(took), 3)}


def main() -> None:
    """Measures, prints, and writes results/recommend_serving.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--asked", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--no-freshness", dest="freshness", action="store_false")
    parser.add_argument("--no-write", dest="write", action="store_false")
    parser.add_argument("--empty", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.empty:
        serve_empty(_HOST, options.empty, "GET")
        return
    # What is started from here inherits it; the server's core is its own.
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {_SERVER_CORE})
    with TemporaryDirectory() as folder:
        found = run_all(options, Path(folder))
    print(found)
    if options.write:
        print(f"written to {results.write('recommend_serving', 'make bench NAME=recommend_serving', found)}")


if __name__ == "__main__":
    main()
