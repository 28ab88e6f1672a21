"""The demo's figures are those of the services' own /metrics, and it shows what it cannot reach as away."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from deploy.local.demo_figures import Figures, Gatherer
from deploy.local.demo_screen import Heading, line, screen
from deploy.local.scrape import Samples

ANOMALY = (
    b'{"items":[{"time":"2026-01-31T12:00:00.250000Z","device":"meter-001","metric":"flow","value":383.2,'
    b'"score":31.2,"reason":"383.2 is 31 spreads above the expected 100.1"}],"next":null}'
)


class Answers(BaseHTTPRequestHandler):
    """A service that answers what the test has put in `bodies`, by path."""

    bodies: dict[str, bytes] = {}  # noqa: RUF012 - the handler is made anew for each request

    def do_GET(self) -> None:
        body = self.bodies.get(self.path.partition("?")[0])
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    Answers.bodies = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def gatherer(service: str) -> Iterator[Gatherer]:
    away = "http://127.0.0.1:9"
    urls = {"ingest_mqtt": service, "process_readings": away, "sink_cassandra": away, "serve_api": service}
    urls["ingest_sources"] = service
    gatherer = Gatherer(urls)
    yield gatherer
    gatherer.close()


def metrics(received: int) -> bytes:
    return (
        f'headrace_received_messages_total{{service="ingest_mqtt",qos="0"}} {received}\n'
        f'headrace_received_messages_total{{service="ingest_mqtt",qos="1"}} {received}\n'
        'headrace_dead_letters_total{service="ingest_mqtt",reason="no_route"} 3\n'
        'headrace_lag_records{topic="readings.raw",partition="0"} 7\n'
        f'headrace_source_rows_total{{source="queue",outcome="delivered"}} {received}\n'
        'headrace_source_rows_total{source="queue",outcome="rejected"} 4\n'
        'headrace_source_rows_total{source="table",outcome="delivered"} 5\n'
        'headrace_source_failing{source="table"} 1\n'
        f'headrace_api_events_total{{service="serve_api",outcome="accepted"}} {received}\n'
        'headrace_api_events_total{service="serve_api",outcome="refused"} 9\n'
        'headrace_recommendations_total{service="serve_api",surface="home",kind="cold"} 3\n'
    ).encode()


def shown(figures: Figures) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(screen(Heading(12.0, 8.25, {"API": "http://127.0.0.1:8000/v1"}), figures))
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


def test_rates_are_between_two_looks_and_a_restart_is_no_negative_rate(gatherer: Gatherer) -> None:
    Answers.bodies["/metrics"] = metrics(1_000)
    assert gatherer.gather().stages[0].rate_in == 0
    Answers.bodies["/metrics"] = metrics(1_500)
    assert gatherer.gather().stages[0].rate_in > 0
    Answers.bodies["/metrics"] = metrics(2)
    assert gatherer.gather().stages[0].rate_in == 0


def test_sources_have_their_rows_and_say_when_they_are_away(gatherer: Gatherer) -> None:
    Answers.bodies["/metrics"] = metrics(10)
    gatherer.gather()
    Answers.bodies["/metrics"] = metrics(30)
    queue, table = gatherer.gather().sources
    assert (queue.name, queue.delivered, queue.rejected, queue.is_failing) == ("queue", 30, 4, False)
    assert queue.rate > 0 and table.rate == 0
    assert table.is_failing
    assert "away, tried again" in shown(gatherer.gather())


def test_the_shop_has_what_the_api_counts(gatherer: Gatherer) -> None:
    Answers.bodies["/metrics"] = metrics(10)
    gatherer.gather()
    Answers.bodies["/metrics"] = metrics(30)
    shop = gatherer.gather().shop
    assert shop is not None
    assert (shop.events, shop.answers, shop.answer_rate) == (30, 3, 0)
    assert shop.event_rate > 0
    assert "events 30" in shown(gatherer.gather())


def test_screen_shows_lag_dead_letters_anomalies_and_who_is_away(gatherer: Gatherer) -> None:
    Answers.bodies = {"/metrics": metrics(10), "/v1/anomalies": ANOMALY}
    text = shown(gatherer.gather())
    for part in ("no_route 9", "383.2 is 31 spreads above", "meter-001", "http://127.0.0.1:8000/v1", "after 8.2 s"):
        assert part in text
    assert text.count("away ") == 2
    assert [figures.lag for figures in gatherer.gather().stages] == [7, 0, 0, 7]


def test_line_says_the_same_shortly(gatherer: Gatherer) -> None:
    Answers.bodies["/metrics"] = metrics(10)
    text = line(Heading(5.0, None, {}), gatherer.gather())
    assert "no data in Cassandra yet" in text
    assert "process_readings away" in text
    assert "dead letters 9" in text


def test_first_data_are_those_that_the_api_reads(gatherer: Gatherer) -> None:
    assert not gatherer.has_stored("host-x")
    Answers.bodies["/v1/latest"] = b'{"items":[],"next":null}'
    assert not gatherer.has_stored("host-x")
    Answers.bodies["/v1/latest"] = b'{"items":[{"metric":"cpu_percent"}],"next":null}'
    assert gatherer.has_stored("host-x")


def test_samples_are_summed_by_labels() -> None:
    samples = Samples.parse(metrics(4).decode())
    assert samples.total("headrace_received_messages_total") == 8
    assert samples.total("headrace_received_messages_total", qos="1") == 4
    assert samples.by("headrace_received_messages_total", "qos") == {"0": 4, "1": 4}
    assert samples.total("nothing") == 0
