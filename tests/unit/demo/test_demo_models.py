"""The demo's model: what is asked and counted, what the trainer types, and what the screen says of it."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from deploy.local.demo_api import AWAY, ApiClient, live_readings
from deploy.local.demo_meter_rows import MeterRows
from deploy.local.demo_model_asker import Asker
from deploy.local.demo_model_panel import model_line, model_panel
from deploy.local.demo_model_state import ModelShown, VersionShown, read_state, write_state
from deploy.local.demo_model_trainer import why_not
from train_models.data.events_spec import Events

SPEC = Events.model_validate(
    {
        "entity": "device",
        "time": "time",
        "cuts": {"every": "1s"},
        "features": {"last": {"last": "value"}},
        "label": {"mean": "value", "within": "2s"},
    }
)
EVENTS = (
    b"retry: 3000\n: following readings\n\n"
    b'id: 1\nevent: reading\ndata: {"time":"2026-01-31T12:00:00.250001Z","device":"meter-001","value":3}\n\n'
    b'event: dropped\ndata: {"count":4}\n\n: heartbeat\n\n'
    b'id: 2\nevent: reading\ndata: {"time":"2026-01-31T12:00:01.000000Z","device":"meter-002","value":4.5}\n\n'
)


class Api(BaseHTTPRequestHandler):
    """The API: a model whose version, and whether it answers, the test sets."""

    protocol_version = "HTTP/1.1"
    version = 1
    is_up = True
    outcomes: list[dict[str, Any]] = []  # noqa: RUF012 - the handler is made anew for each request

    def do_GET(self) -> None:
        if self.path.startswith("/v1/live"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(EVENTS)))
            self.end_headers()
            self.wfile.write(EVENTS)
            return
        row = {"role": "champion", "version": self.version, "algorithm": f"kind{self.version}", "data_rows": 100}
        row |= {"created": "2026-01-31T12:00:00.000000Z", "metrics": {"hold_out_mae": 1.5}}
        self.answer(200, {"model": {"versions": [row] if self.version else []}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/outcomes":
            self.outcomes.extend(body["outcomes"])
            self.answer(202, {"accepted": len(body["outcomes"])})
        elif self.is_up:
            self.answer(200, {"id": f"id-{body['last']}", "version": self.version, "value": body["last"] + 1})
        else:
            self.answer(503, {"title": "away"})

    def answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def api() -> Iterator[str]:
    Api.version, Api.is_up, Api.outcomes = 1, True, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def text_of(shown: ModelShown | None) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(model_panel(shown))
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


def test_answers_are_counted_by_version_and_their_outcomes_told(api: str) -> None:
    rows, shown, client = MeterRows(SPEC, timedelta(seconds=20)), ModelShown("flow"), ApiClient(api)
    asker = Asker(client, rows, threading.Lock(), shown)
    for second in range(3):
        rows.add("m", second * 1_000_000, float(second))
    assert asker.look()
    asker.ask("m")
    Api.version = 2
    asker.ask("m")
    Api.is_up = False
    asker.ask("m")
    asker.settle()
    assert not Api.outcomes
    for second in range(3, 8):
        rows.add("m", second * 1_000_000, float(second))
    asker.settle()
    client.close()

    # As of 1 s the last value was 0, the answer 1, and the mean of what came at 2 s and 3 s is 2.5.
    assert [(told["id"], told["label"]) for told in Api.outcomes] == [("id-0.0", 2.5)] * 2
    first, second_version = shown.versions
    assert (first.role, second_version.role) == ("before", "champion")
    assert [version.answers for version in shown.versions] == [1, 1]
    assert (first.answered_error, first.last_error) == (1.5, 2.5)
    assert (shown.answers, shown.failed, shown.swap) == (2, 1, "version 1 → 2")


def test_nothing_is_asked_while_no_version_runs(api: str) -> None:
    Api.version = 0
    client = ApiClient(api)
    assert not Asker(client, MeterRows(SPEC, timedelta(seconds=20)), threading.Lock(), ModelShown("flow")).look()
    client.close()


def test_an_api_that_is_away_is_no_error_of_the_client() -> None:
    assert ApiClient("http://127.0.0.1:9").get("/v1/models/flow") == (AWAY, None)


def test_live_readings_leave_out_what_is_none(api: str) -> None:
    found = list(live_readings(api, "flow"))
    assert found == [("meter-001", 1_769_860_800_250_001, 3.0), ("meter-002", 1_769_860_801_000_000, 4.5)]


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert read_state(path) is None
    shown = ModelShown("flow", versions=[VersionShown(1, "ridge", 0, 10)], reasons={1: "passed"})
    write_state(path, shown)
    assert read_state(path) == shown


def test_panel_says_which_version_answers_and_how_it_compares() -> None:
    old = VersionShown(1, "ridge", 0, 700, 1.0, "before", 900, 800, 1_600.0, 2_000.0)
    new = VersionShown(2, "svm", 0, 1500, 2.26, "champion", 300, 200, 100.0, 300.0)
    reason = "better than version 1: mae 2.2622 against 2.7602 on 380 rows: -0.4980 [-0.6963, -0.3018], p = 0.001"
    shown = ModelShown("flow", "", 20.0, 1_200, 0, "", "version 1 → 2", [old, new], {2: reason})

    text = text_of(shown)
    for part in ("2.26, version 1 2.76 (380 rows)", "0.50", "1.50", "2.00", "1,500", "swapped live: version 1 → 2"):
        assert part in text
    assert "20 answers/s, 1,200 in all, 0 failed" in text
    assert (
        model_line(shown) == "model flow: version 2 (svm) 20 answers/s error 0.50 failed 0 before: version 1 error 2.00"
    )


def test_panel_hides_no_refusal_and_says_what_is_done() -> None:
    shown = ModelShown("flow", doing="headrace models train flow (judging)", refused="better than version 1 failed")
    assert "not promoted: better than version 1 failed" in text_of(shown)
    assert "headrace models train flow (judging)" in text_of(shown)
    assert model_line(shown) == "model flow: headrace models train flow (judging)"
    assert model_line(None) == "model: none yet"


def test_why_a_training_came_to_nothing_is_the_gates_that_failed_or_the_last_word() -> None:
    gates = ["rows", "better than version 1  failed  mae 2 against 1", "slices  passed  none", "headrace: not promoted"]
    assert why_not(gates) == "better than version 1 failed mae 2 against 1"
    assert why_not(["rows", "headrace: Kafka does not answer", ""]) == "headrace: Kafka does not answer"
    assert why_not([]) == "it said nothing"
