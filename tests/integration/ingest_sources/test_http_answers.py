"""Answers of a real HTTP server, good and bad; each row once wherever a run is broken off. No Kafka."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ConfigurationError, TransientError
from headrace.testing import wait_until
from tests.integration.ingest_sources.http_bench import HttpBench
from tests.integration.ingest_sources.http_far_end import Asked, HttpFarEnd, Scripted

pytestmark = pytest.mark.integration
PAGE: dict[str, Any] = {"kind": "page", "size_param": "size", "size": 10}
KINDS: dict[str, dict[str, Any]] = {
    "all": {},
    "lines": {},
    "page": {"rows": "data.items", "paging": PAGE},
    "page-total": {"rows": "data.items", "paging": {**PAGE, "total": "meta.pages"}},
    "offset": {"rows": "items", "paging": {**PAGE, "kind": "offset"}},
    "cursor": {"rows": "items", "paging": {"kind": "cursor", "param": "after", "place": "meta.next"}},
    "header_cursor": {"paging": {"kind": "cursor", "param": "after", "header": "x-next"}},
    "link": {"paging": {"kind": "link"}},
    "next_url": {"rows": "results", "paging": {"kind": "next_url"}},
}
CURSOR = KINDS["cursor"]
SINCE: dict[str, Any] = {
    "rows": "items",
    "paging": PAGE,
    "incremental": {"param": "since", "place": "at", "start": "2020-01-01T00:00:00Z", "id": "id"},
}


@pytest.fixture
def api() -> Iterator[HttpFarEnd]:
    end = HttpFarEnd([row(number) for number in range(37)])
    end.start()
    yield end
    end.stop()


def row(number: int) -> dict[str, Any]:
    return {"id": number, "at": f"2020-01-01T00:{number // 4:02}:00Z", "of": {"name": f"n{number}"}}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_paging_gives_each_row_once_wherever_it_is_broken_off(
    api: HttpFarEnd, tmp_path: Path, kind: str
) -> None:
    bench = HttpBench(tmp_path, api.url(f"/{kind.partition('-')[0]}"), limits={"batch_rows": 4}, **KINDS[kind])
    whole = bench.parts()
    assert [bench.cursor for bench.cursor in [part.cursor for part in whole]] == [part.cursor for part in whole]
    for at in range(len(whole) + 1):
        bench.cursor = None
        found = bench.run(at) if at else []
        assert found + bench.run() == list(range(37))
        assert bench.cursor == whole[-1].cursor


def test_rows_are_numbered_over_all_runs_and_odd_ones_are_bad_rows(api: HttpFarEnd, tmp_path: Path) -> None:
    api.next_answers = [Scripted(200, {}, b'[{"id": 1}, 7, {"id": 1e999}, {"id": 12345678901234567891}, "x"]')] * 2
    bench = HttpBench(tmp_path, api.url("/all"))
    sections = bench.parts()[0].sections
    assert [bad.number for section in sections for bad in section.rows.bad] == [2, 3, 5]
    assert {section.place for section in sections} == {api.url("/all")}
    assert [each for section in sections for each in section.rows.table["id"].to_list()] == [1, "12345678901234567891"]
    assert bench.parts() == []
    api.next_answers = [Scripted(200, {}, b'[{"id": 2}]')]
    assert bench.parts()[0].sections[0].rows.end == 6


def test_unchanged_answer_gives_nothing(api: HttpFarEnd, tmp_path: Path) -> None:
    bench = HttpBench(tmp_path, api.url("/all"))
    assert len(bench.run()) == 37
    assert bench.parts() == []
    assert api.asked[-1].status == 304
    api.rows.append(row(37))
    assert len(bench.run()) == 38


def test_unchanged_pages_are_known_without_etag(api: HttpFarEnd, tmp_path: Path) -> None:
    bench = HttpBench(tmp_path, api.url("/cursor"), **CURSOR)
    assert len(bench.run()) == 37
    assert bench.run() == []
    api.rows[15] = {**row(15), "state": "closed"}
    assert bench.run() == list(range(10, 20))
    api.rows.append(row(37))
    assert bench.run() == list(range(30, 38))


def test_last_modified_is_sent_back(api: HttpFarEnd, tmp_path: Path) -> None:
    then = formatdate(1_700_000_000, usegmt=True)
    api.next_answers = [Scripted(200, {"Last-Modified": then}, b'[{"id": 1}]'), Scripted(304)]
    bench = HttpBench(tmp_path, api.url("/all"))
    assert bench.run() == [1]
    assert bench.run() == []
    assert api.asked[-1].headers["if-modified-since"] == then


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_increments_give_each_row_once(api: HttpFarEnd, tmp_path: Path, order: str) -> None:
    """Rows that come while pages are asked for, a row that changes, and runs that are broken off after each part."""
    bench = HttpBench(tmp_path, api.url("/since"), params={"order": order}, **SINCE)
    found: list[int] = []
    for step in range(12):
        # Into the middle of a page, of the mark that is the highest now.
        api.rows += [row(len(api.rows)), row(len(api.rows) + 1)]
        found += bench.run(None if step % 5 == 4 else 1)
    found += bench.run() + bench.run()
    assert bench.parts() == []
    assert sorted(found) == [each["id"] for each in api.rows]
    assert {asked.query["since"] for asked in api.asked[:3]} == {"2020-01-01T00:00:00Z"}
    api.rows[-1] = {**api.rows[-1], "state": "closed"}
    assert bench.run() == [len(api.rows) - 1]
    assert bench.parts() == []


def test_page_that_changed_amid_its_parts_gives_no_row_twice(api: HttpFarEnd, tmp_path: Path) -> None:
    bench = HttpBench(tmp_path, api.url("/all"), limits={"batch_rows": 10})
    found = bench.run(2)
    api.rows = [row(100), *api.rows[5:], row(101)]
    found += bench.run(1)
    api.rows.insert(0, row(102))
    found += bench.run()
    assert sorted(found) == [*range(37), 100, 101, 102]


def test_rows_that_are_alike_are_not_lost_when_their_page_changed(api: HttpFarEnd, tmp_path: Path) -> None:
    bench = HttpBench(tmp_path, api.url("/all"), limits={"batch_rows": 1})
    api.rows = [row(1), row(2)]
    assert bench.run(1) == [1]
    api.rows = [row(3), row(3), row(2)]
    assert bench.run(1) == [3]
    assert bench.run() == [3, 2]


def test_run_amid_a_page_is_not_ended_by_what_the_last_one_knew(api: HttpFarEnd, tmp_path: Path) -> None:
    bench = HttpBench(tmp_path, api.url("/all"), limits={"batch_rows": 10})
    before = list(api.rows)
    bench.run()
    api.rows = [row(100), *before]
    assert len(bench.run(1)) == 10
    api.rows = before
    assert bench.run() == list(range(9, 37))
    assert bench.cursor is not None and "run" not in bench.cursor


def test_other_questions_begin_a_run_anew(api: HttpFarEnd, tmp_path: Path) -> None:
    first = HttpBench(tmp_path, api.url("/cursor"), **CURSOR)
    assert len(first.run(2)) == 20
    other = HttpBench(tmp_path, api.url("/cursor"), params={"status": "closed"}, **CURSOR)
    other.cursor = first.cursor
    assert other.run() == list(range(37))


@pytest.mark.parametrize(
    ("path", "options", "parts", "told"),
    [
        ("/loop", CURSOR, 3, "names a page as the next that was there before"),
        ("/same", {"rows": "items", "paging": {"kind": "page"}}, 1, "page 2 has the same rows as the page before"),
        ("/cursor", {**CURSOR, "limits": {"max_pages": 2}}, 2, r"limits\.max_pages, 2, and no end"),
    ],
)
def test_paging_without_end_is_told_and_gives_nothing_more_each_time(
    api: HttpFarEnd, tmp_path: Path, path: str, options: dict[str, Any], parts: int, told: str
) -> None:
    bench = HttpBench(tmp_path, api.url(path), **options)
    found = 0
    for _ in range(3):
        with pytest.raises(ConfigurationError, match=told):
            for _ in range(9):
                found += len(bench.parts(1))
    assert found == parts


@pytest.mark.parametrize(("status", "as_date"), [(429, False), (503, True)])
def test_retry_after_is_waited_for(api: HttpFarEnd, tmp_path: Path, status: int, as_date: bool) -> None:
    """A date is compared with the answer's own."""
    headers = {"Retry-After": "1"}
    if as_date:
        now, then = (formatdate(1_700_000_000 + seconds, usegmt=True) for seconds in (0, 1))
        headers = {"Retry-After": then, "Date": now}
    api.next_answers = [Scripted(status, headers)]
    assert len(HttpBench(tmp_path, api.url("/all")).run()) == 37
    assert [asked.status for asked in api.asked] == [status, 200]
    assert api.asked[1].at - api.asked[0].at >= 1


def test_retry_after_holds_the_next_run(api: HttpFarEnd, tmp_path: Path) -> None:
    api.next_answers = [Scripted(429, {"Retry-After": "1"})]
    bench = HttpBench(tmp_path, api.url("/all"), limits={"tries": 1})
    with pytest.raises(TransientError, match="answers 429"):
        bench.run()
    assert len(bench.run()) == 37
    assert api.asked[1].at - api.asked[0].at >= 1


def test_retry_after_is_bounded_and_tries_end(api: HttpFarEnd, tmp_path: Path) -> None:
    api.next_answers = [Scripted(429, {"Retry-After": "86400"}, b"slow down")] * 2
    bench = HttpBench(tmp_path, api.url("/all"), limits={"max_wait_s": 0.01, "tries": 2})
    with pytest.raises(TransientError, match="answers 429: slow down"):
        bench.run()
    assert len(bench.run()) == 37


def test_pace_is_kept(api: HttpFarEnd, tmp_path: Path) -> None:
    bench = HttpBench(tmp_path, api.url("/cursor"), requests_per_second=20, **CURSOR)
    begun = time.monotonic()
    assert len(bench.run()) == 37
    assert api.asked[-1].at - begun >= 0.05 * (len(api.asked) - 1)


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
def test_failure_is_tried_again(api: HttpFarEnd, tmp_path: Path, status: int) -> None:
    api.next_answers = [Scripted(status)]
    assert len(HttpBench(tmp_path, api.url("/all")).run()) == 37


@pytest.mark.parametrize(
    ("status", "told"), [(400, "400: bad filter"), (403, "403"), (404, "404"), (410, "410"), (401, "secret of `auth`")]
)
def test_refusal_is_told_at_once(api: HttpFarEnd, tmp_path: Path, status: int, told: str) -> None:
    api.next_answers = [Scripted(status, {}, b"bad filter")]
    with pytest.raises(ConfigurationError, match=told):
        HttpBench(tmp_path, api.url("/all")).run()
    assert len(api.asked) == 1


def test_end_status_ends_the_pages(api: HttpFarEnd, tmp_path: Path) -> None:
    def on_request(asked: Asked) -> None:
        if asked.query["page"] == "5":
            api.next_answers = [Scripted(404)]

    api.on_request = on_request
    options: dict[str, Any] = {"rows": "data.items", "paging": {**PAGE, "end_status": 404}}
    assert HttpBench(tmp_path, api.url("/page"), **options).run() == list(range(37))


@pytest.mark.parametrize("status", [400, 404, 410])
@pytest.mark.parametrize("kind", ["cursor", "link", "page"])
def test_run_whose_page_the_api_forgot_begins_anew_and_gives_no_page_twice(
    api: HttpFarEnd, tmp_path: Path, kind: str, status: int
) -> None:
    bench = HttpBench(tmp_path, api.url(f"/{kind}"), limits={"batch_rows": 4}, **KINDS[kind])
    found = bench.run(4)
    api.next_answers = [Scripted(status, {}, b"cursor expired")]
    again = bench.run()
    # Of the page that was delivered in part, all rows.
    assert sorted({*found, *again}) == list(range(37))
    assert sorted(again) == list(range(10, 37))
    assert bench.run() == []


def test_page_that_changed_and_changed_back_about_a_run_that_was_given_up_comes_again(
    api: HttpFarEnd, tmp_path: Path
) -> None:
    bench = HttpBench(tmp_path, api.url("/cursor"), limits={"batch_rows": 4}, **CURSOR)
    before = list(api.rows)
    bench.run()
    api.rows = [{**each, "state": "closed"} for each in before]
    assert bench.run(4) == [*range(10), *range(10, 14)]
    api.rows = before
    api.next_answers = [Scripted(410)]
    assert bench.run() == list(range(20))


@pytest.mark.parametrize("order", ["oldest", "newest"])
@pytest.mark.parametrize("id_", ["id", ()])
def test_increments_count_once_over_runs_that_are_begun_anew(
    api: HttpFarEnd, tmp_path: Path, order: str, id_: Any
) -> None:
    """Also those below the highest mark, and where a run that was begun anew is given up in turn."""
    incremental = {**SINCE["incremental"], "id": id_}
    limits = {"batch_rows": 4}
    bench = HttpBench(
        tmp_path, api.url("/since"), params={"order": order}, limits=limits, **{**SINCE, "incremental": incremental}
    )
    found = bench.run(6)
    for parts in (1, 2, None):
        api.next_answers = [Scripted(410)]
        found += bench.run(parts)
    assert sorted(found) == list(range(37))
    assert bench.run() == []
    api.rows.append(row(37))
    assert bench.run() == [37]


def test_page_that_is_refused_as_soon_as_it_was_named_is_told_and_gives_nothing_more_each_time(
    api: HttpFarEnd, tmp_path: Path
) -> None:
    refused = ["c20"]

    def on_request(asked: Asked) -> None:
        if asked.query.get("after") in refused:
            api.next_answers = [Scripted(400, {}, b"too far")]

    api.on_request = on_request
    bench = HttpBench(tmp_path, api.url("/cursor"), **CURSOR)
    found: list[int] = []
    for _ in range(3):
        with pytest.raises(ConfigurationError, match=r"too far; .* backfill"):
            for _ in range(9):
                found += bench.run(1)
        # Rows that change must not make it deliver all that is before, again and again.
        api.rows[0] = {**api.rows[0], "seen": len(api.asked)}
    refused.clear()
    assert found + bench.run() == list(range(37))


@pytest.mark.parametrize("kind", ["all", "page", "cursor"])
def test_end_of_a_run_is_a_part_of_its_own(api: HttpFarEnd, tmp_path: Path, kind: str) -> None:
    """It is committed with the time of the run: killed before, the run ends, and killed after, it is over."""
    bench = HttpBench(tmp_path, api.url(f"/{kind}"), **KINDS[kind])
    *parts, end = bench.parts()
    assert (end.sections, end.is_end, "run" in end.cursor) == ((), True, False)
    assert all("run" in part.cursor and not part.is_end for part in parts)
    bench.cursor = parts[-1].cursor
    assert bench.parts() == [end]


def test_api_that_is_away_and_back(api: HttpFarEnd, tmp_path: Path) -> None:
    bench = HttpBench(tmp_path, api.url("/cursor"), limits={"tries": 1}, **CURSOR)
    found = bench.run(2)
    api.stop()
    with pytest.raises(TransientError, match="can't be connected to"):
        bench.run()
    api.start()
    assert found + bench.run() == list(range(37))


@pytest.mark.parametrize(
    ("path", "error", "told"),
    [
        ("/drip", TransientError, r"did not end within 0\.3 s"),
        ("/drip_head", TransientError, r"did not end within 0\.3 s"),
        ("/huge", ConfigurationError, r"limits\.max_answer_mb, 1 MB"),
        ("/bomb", ConfigurationError, r"limits\.max_answer_mb, 1 MB"),
        ("/cut", TransientError, "does not answer"),
    ],
)
def test_answer_that_does_not_end(
    api: HttpFarEnd, tmp_path: Path, path: str, error: type[Exception], told: str
) -> None:
    timeout_s = 0.3 if "drip" in path else 60
    bench = HttpBench(tmp_path, api.url(path), limits={"timeout_s": timeout_s, "max_answer_mb": 1, "tries": 1})
    with pytest.raises(error, match=told):
        bench.run()


def test_feed_gives_a_sign_while_it_waits_and_ends_at_once(api: HttpFarEnd, tmp_path: Path) -> None:
    feed = HttpBench(tmp_path, api.url("/drip")).connect()
    waiting = feed.parts(None)
    assert [next(waiting) for _ in range(5)] == [None] * 5
    feed.close()
    wait_until(lambda: not any(thread.name.startswith("http_") for thread in threading.enumerate()), "its thread's end")


def test_sample_is_the_first_part(api: HttpFarEnd, tmp_path: Path) -> None:
    feed = HttpBench(tmp_path, api.url("/cursor"), **CURSOR).connect()
    sample = feed.sample()
    feed.close()
    assert sample is not None
    assert sample.sections[0].rows.table["of.name"].to_list() == [f"n{number}" for number in range(10)]


def test_cursor_is_small_where_there_is_little_to_remember(api: HttpFarEnd, tmp_path: Path) -> None:
    bench = HttpBench(tmp_path, api.url("/since"), **SINCE)
    bench.run()
    assert bench.cursor is not None
    assert len(json.dumps(bench.cursor)) < 400
