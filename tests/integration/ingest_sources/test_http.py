"""An API's rows on real Kafka: each once, whatever is killed; secrets are nowhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.integration.ingest_sources.feed_bench import FeedBench
from tests.integration.ingest_sources.http_far_end import Asked, HttpFarEnd, Scripted

pytestmark = pytest.mark.integration
SECRET = "s3cr3t/of+ours"  # noqa: S105
SILENCE_S = 60.0
"""A polled source ends by itself; it may wait for long before."""


@pytest.fixture
def api() -> Iterator[HttpFarEnd]:
    end = HttpFarEnd([row(number) for number in range(400)])
    end.start()
    yield end
    end.stop()


@pytest.fixture
def bench(kafka: Stack, tmp_path: Path) -> FeedBench:
    bench = FeedBench(kafka.brokers, tmp_path)
    bench.secret("api_key", SECRET)
    return bench


def row(number: int) -> dict[str, Any]:
    return {"id": number, "at": f"2020-01-01T00:{number // 7 % 60:02}:00Z", "amount": number / 4}


def each_once(count: int) -> dict[str, int]:
    return {str(number): 1 for number in range(count)}


def configure(bench: FeedBench, api: HttpFarEnd, path: str, **options: Any) -> None:
    auth = {"kind": "query", "name": "api_key", "secret": "api_key"}
    http = {"url": api.url(path), "auth": auth, "allow_private": True, **options}
    bench.configure({"kind": "http", "http": http, "rules": [{"range": {"column": "amount", "min": 0}}]})


SINCE: dict[str, Any] = {
    "rows": "items",
    "paging": {"kind": "page", "size_param": "size", "size": 50},
    "incremental": {"param": "since", "place": "at", "start": "2020-01-01T00:00:00Z", "id": "id"},
    "limits": {"batch_rows": 30},
}


def test_kills_amid_a_run_lose_and_double_nothing(bench: FeedBench, api: HttpFarEnd) -> None:
    """At each step, amid pages and amid parts of a page; rows come after each kill, also with the highest mark."""
    configure(bench, api, "/since", **SINCE)
    for step, count in (("produced", 2), ("committing", 2), ("committed", 3), ("told", 2)):
        bench.kill_at(step, count)
        amid = bench.entry()
        assert amid is not None and amid.cursor is not None and "run" in amid.cursor
        api.rows += [row(number) for number in range(len(api.rows), len(api.rows) + 5)]
    bench.run(SILENCE_S)
    bench.run(SILENCE_S)
    assert bench.keys() == each_once(420)
    entry = bench.entry()
    assert entry is not None
    assert (entry.delivered, entry.run_us > 0) == (420, True)
    assert bench.letters() == []


@pytest.mark.parametrize(("step", "is_over"), [("committing", False), ("committed", True)])
def test_kill_at_the_end_of_a_run_makes_no_other_run(
    bench: FeedBench, api: HttpFarEnd, step: str, is_over: bool
) -> None:
    configure(bench, api, "/all")
    bench.kill_at(step, 2)
    entry = bench.entry()
    assert entry is not None and entry.cursor is not None
    assert (entry.run_us > 0, "run" not in entry.cursor, entry.delivered) == (is_over, is_over, 400)
    bench.run(SILENCE_S)
    assert bench.keys() == each_once(400)


def test_api_that_dies_amid_a_run_and_comes_back(bench: FeedBench, api: HttpFarEnd) -> None:
    configure(bench, api, "/next_url", rows="results", paging={"kind": "next_url"}, limits={"tries": 1})
    died = threading.Event()

    def die(_: Asked) -> None:
        if len(api.asked) == 20 and not died.is_set():
            api.stop()
            died.set()

    api.on_request = die
    process = bench.start(silence_s=SILENCE_S)
    assert died.wait(60), bench.log_tail()
    api.start()
    assert process.wait(60) == 0, bench.log_tail()
    assert bench.keys() == each_once(400)


def test_secrets_are_in_no_log_no_dead_letter_and_no_position(bench: FeedBench, api: HttpFarEnd) -> None:
    """They are sent as a parameter, and the API repeats them in the next page's address and in errors."""
    api.rows = [{**row(number), "amount": -1} if number == 3 else row(number) for number in range(25)]
    paging = {"kind": "link"}
    configure(bench, api, "/link", paging=paging)
    odd = Scripted(200, {}, b'[{"id": 1, "amount": "x"}, 7]')
    api.next_answers = [Scripted(503, {}, f"no, {SECRET}".encode()), odd]
    bench.run(SILENCE_S)
    configure(bench, api, "/link", paging=paging, params={"status": "closed"}, limits={"tries": 1})
    bench.kill_at("committed", 2)
    amid = bench.entry()
    assert amid is not None and amid.cursor is not None and "start=20" in amid.cursor["run"]["page"]["url"]
    api.next_answers = [Scripted(403, {}, f"no, {SECRET}".encode())]
    assert bench.start(silence_s=SILENCE_S).wait(60) != 0
    shown = bench.log.read_text() + json.dumps(amid.cursor) + "".join(str(letter) for letter in bench.letters())
    assert {asked.query["api_key"] for asked in api.asked} == {SECRET}
    assert "(secret)" in shown
    assert "s3cr3t" not in shown
    found = sorted(json.loads(letter.value).get("id") for letter in bench.letters() if letter.value != b"7")
    assert (found, len(bench.letters())) == ([1, 3], 3)
