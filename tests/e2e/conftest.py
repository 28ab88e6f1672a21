"""The whole pipeline, one for all end-to-end tests, apart from the session's stack: a test may kill parts of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.paths import DEPLOY, PROJECT
from deploy.local.stack import SERVICES, Stack
from deploy.local.temporary import temporary_stack
from loadtest.interaction_faults import environment_of
from tests.e2e import steady_recommendations
from tests.e2e.people import GOODS, ROUTES, VISITS

PUSHED = """
kind: push
rules: [{time: {from: [time], formats: [epoch], into: time}}]
into: {topic: readings.raw, device: "{device}"}
"""
ORDERS = """
kind: files
folder: orders
stable_seconds: 1
rules: [{cast: {columns: {id: text}, others: number}}]
into: {topic: sources.orders, key: "{id}"}
"""
WEIGHED = """
task: regression
data: {files: weighed.csv, label: weight}
inputs: {amount: number}
candidates: [{algorithm: ridge}]
stream: {topic: sources.orders, subject: id}
retraining: {drift_psi: 5}
"""
WEIGHED_AGAIN = """
task: regression
data: {predictions: {model: weighed}, label: weight}
inputs: {amount: number}
candidates: [{algorithm: ridge}]
"""


@pytest.fixture(scope="session")
def push_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the keys with which may be pushed to the pipeline, to its source `pushed`."""
    return tmp_path_factory.mktemp("push_keys")


@pytest.fixture(scope="session")
def pipeline(push_keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Broker, Kafka, Cassandra and all services, ready."""
    sources = tmp_path_factory.mktemp("pipeline") / "sources"
    shutil.copytree(DEPLOY / "sources", sources)
    (sources / "pushed.yaml").write_text(PUSHED)
    (sources / "orders.yaml").write_text(ORDERS)
    (sources / "visits.yaml").write_text(VISITS)
    (sources / "goods.yaml").write_text(GOODS)
    routes = sources.with_name("routes.yaml")
    routes.write_text((DEPLOY / "routes.yaml").read_text() + ROUTES)
    experiments = sources.with_name("experiments")
    shutil.copytree(DEPLOY / "experiments", experiments)
    people = environment_of(experiments, steady_recommendations.SURFACE)
    models = sources.with_name("models")
    shutil.copytree(DEPLOY / "models", models)
    (models / "weighed.yaml").write_text(WEIGHED)
    (models / "weighed_again.yaml").write_text(WEIGHED_AGAIN)
    # In no order and not quite a line, as the leak scan would refuse them.
    pairs = ((each * 37 % 100, each * 53 % 41) for each in range(400))
    rows = "".join(f"{amount},{amount + 2 * noise}\n" for amount, noise in pairs)
    (models / "weighed.csv").write_text(f"amount,weight\n{rows}")
    environment = {
        "ingest_mqtt": {"INGEST_MQTT_ROUTES": str(routes)},
        "ingest_sources": {"INGEST_SOURCES_SOURCES": str(sources)},
        "serve_api": {
            "SERVE_API_PUSH_KEYS": str(push_keys),
            "SERVE_API_SHOP": "true",
            # A shared machine stalls for longer than anybody would wait for a page.
            "SERVE_API_RECOMMEND_SUBJECT_TIMEOUT": "10",
            **people["serve_api"],
        },
        "process_interactions": people["process_interactions"],
        "train_models": {"TRAIN_MODELS_MODELS": str(models), "TRAIN_MODELS_FILES": str(models)},
        "process_predictions": {"PROCESS_PREDICTIONS_MODELS": str(models)},
    }
    with temporary_stack(PROJECT / ".headrace" / "temporary" / "e2e", environment=environment) as stack:
        stack.up("kafka", "cassandra", "mosquitto", *SERVICES)
        yield stack
