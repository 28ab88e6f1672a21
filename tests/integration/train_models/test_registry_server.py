"""MLflow's server as the stack starts it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.stack import Stack
from headrace.models.records import Promotion
from tests.integration.train_models.artifacts import write_folder
from train_models.registry.mlflow_registry import Registry


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[str]:
    stack.up("mlflow")
    yield stack.url("mlflow")
    stack.stop("mlflow")


@pytest.fixture(scope="module")
def registry(stack: Stack, server: str) -> Registry:
    return Registry(server, str(stack.layout.data("train_models") / "artifacts"))


def test_who_trains_through_the_server_gets_versions_as_in_a_file(registry: Registry, tmp_path: Path) -> None:
    first, second = (registry.register(write_folder(tmp_path / str(seed), "served", seed=seed)) for seed in (1, 2))
    assert (first.version, second.version) == (1, 2)
    assert Path(first.uri).is_dir(), "the artifact is written by who trains and not sent to the server"
    registry.mirror(Promotion("served", 1, first, 0, shadow=second))
    assert registry.register(write_folder(tmp_path / "again", "served", seed=1)) == first
    assert registry.version("served").metrics["hold_out_roc_auc"] == 0.84


def test_what_was_written_to_its_database_is_seen_and_its_report_shown(
    stack: Stack, server: str, tmp_path: Path
) -> None:
    data = stack.layout.data("train_models")
    beside = Registry(f"sqlite:///{data / 'mlflow.db'}", str(data / "artifacts"))
    beside.register(write_folder(tmp_path / "made", "beside"))
    (found,) = Registry(server, "unused").versions("beside")
    assert _get(f"{server}/get-artifact?path=report.html&run_uuid={found.run_id}") == b"<h1>Report</h1>"
    run = _get(f"{server}/ajax-api/2.0/mlflow/runs/get?run_id={found.run_id}").decode()
    assert "hold_out_roc_auc" in run and "Who leaves, seed 1" in run and "mlflow.note.content" in run


def test_a_request_under_another_name_is_refused(server: str) -> None:
    """A page that a person looks at could send one, by a name that it has made to lead here."""
    address = f"{server}/ajax-api/2.0/mlflow/experiments/search?max_results=1"
    assert _status(urllib.request.Request(address)) == 200  # noqa: S310 - our own server
    assert _status(urllib.request.Request(address, headers={"Host": "evil.example"})) == 403  # noqa: S310 - our own server


def test_it_takes_no_artifacts_and_loads_no_pickle(stack: Stack, server: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{server}/api/2.0/mlflow-artifacts/artifacts/bomb.pkl", data=b"x", method="PUT"
    )
    assert _status(request) in (403, 404, 405, 501, 503)
    record = stack.record("mlflow")
    assert record
    main = psutil.Process(record.pid)
    for process in (main, *main.children(recursive=True)):
        assert process.environ()["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
        assert process.environ()["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_its_memory_is_bounded(stack: Stack, server: str) -> None:
    record = stack.record("mlflow")
    assert record
    main = psutil.Process(record.pid)
    processes = (main, *main.children(recursive=True))
    assert len(processes) == 2, "one serves, and the one that started it"
    assert sum(process.memory_info().rss for process in processes) < 900e6


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
        return bytes(answer.read())


def _status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
