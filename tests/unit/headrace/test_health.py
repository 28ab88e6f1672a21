"""Probes tell what is wrong, and metrics are there whatever the process does."""

import json
import urllib.error
import urllib.request

from prometheus_client import Counter

from headrace.health import HealthServer
from headrace.metrics import new_registry


def get(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_readiness_names_the_problem_and_liveness_does_not_fail_with_it() -> None:
    problem: list[str | None] = ["Kafka is away"]
    with HealthServer("127.0.0.1", 0, new_registry(), ready={"kafka": lambda: problem[0]}) as server:
        status, body = get(server, "/readyz")
        assert status == 503 and json.loads(body)["problems"] == {"kafka": "Kafka is away"}
        assert get(server, "/healthz")[0] == 200
        problem[0] = None
        assert get(server, "/readyz")[0] == 200


def test_failed_liveness_fails_readiness_too() -> None:
    with HealthServer("127.0.0.1", 0, new_registry(), live={"loop": lambda: "stuck"}) as server:
        assert (get(server, "/healthz")[0], get(server, "/readyz")[0]) == (503, 503)


def test_metrics_show_the_registry_and_the_process() -> None:
    registry = new_registry()
    Counter("headrace_things", "Things", registry=registry).inc(3)
    with HealthServer("127.0.0.1", 0, registry) as server:
        status, body = get(server, "/metrics")
        assert status == 200 and "headrace_things_total 3.0" in body and "process_resident_memory_bytes" in body
        assert get(server, "/other")[0] == 404
