"""The Headrace services, each `python -m <service>` of this interpreter, configured by environment variables."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import replace

from deploy.local import probes
from deploy.local.component import Component, Task
from deploy.local.paths import PROJECT, Layout
from deploy.local.ports import Ports, worker_port
from headrace.subjects.keys import ensure_keys

_IMPORT_PATH = {"PYTHONPATH": os.pathsep.join((str(PROJECT / "services"), str(PROJECT)))}


def services(layout: Layout, ports: Ports, host: str, workers: int) -> list[Component]:
    """All services; `workers` processes share the partitions of process_readings."""
    topics = topics_task(ports, host)
    tables = tables_task(ports, host)
    mqtt = {"MQTT_HOST": host, "MQTT_PORT": str(ports.mqtt)}
    brokers = {"BROKERS": _brokers(ports, host)}
    files = {"DATA": str(layout.data("ingest_sources"))}
    models = {"DATA": str(layout.data("train_models"))}
    keys = {"MODEL_KEYS": str(layout.data("train_models") / "keys" / "public.pem")}
    api = {**keys, "ROTATE_SUBJECT_KEYS": "true"}
    return [
        _with_subject_keys(
            layout,
            _service("ingest_mqtt", _stores(ports, host) | mqtt, ("kafka", "mosquitto"), (topics,), ports, host),
        ),
        _with_subject_keys(
            layout, _service("ingest_sources", _stores(ports, host) | files, ("kafka",), (topics,), ports, host)
        ),
        *(
            _worker(number, _service("process_readings", brokers, ("kafka",), (topics,), ports, host), host)
            for number in range(1, workers + 1)
        ),
        _service("sink_cassandra", _stores(ports, host), ("kafka", "cassandra"), (topics, tables), ports, host),
        _with_subject_keys(
            layout,
            _service("serve_api", _stores(ports, host) | api, ("kafka", "cassandra"), (topics, tables), ports, host),
        ),
        _service("train_models", _stores(ports, host) | models, ("kafka", "cassandra"), (topics, tables), ports, host),
        _service("process_predictions", brokers | keys, ("kafka",), (topics,), ports, host),
        _service("process_interactions", brokers, ("kafka",), (topics,), ports, host),
    ]


def topics_task(ports: Ports, host: str) -> Task:
    """Creates the topics of schemas/topics.yaml."""
    return Task("topics", _python("headrace.topics", "--brokers", _brokers(ports, host)), _IMPORT_PATH)


def tables_task(ports: Ports, host: str) -> Task:
    """Applies the CQL migrations."""
    environment = _variables("sink_cassandra", _stores(ports, host), ports)
    return Task("tables", _python("sink_cassandra", "migrate"), environment)


def _brokers(ports: Ports, host: str) -> str:
    return f"{host}:{ports.kafka}"


def _stores(ports: Ports, host: str) -> dict[str, str]:
    return {"BROKERS": _brokers(ports, host), "CASSANDRA_HOSTS": host, "CASSANDRA_PORT": str(ports.cassandra)}


def _service(
    name: str,
    values: dict[str, str],
    requires: tuple[str, ...],
    tasks: tuple[Task, ...],
    ports: Ports,
    host: str,
) -> Component:
    port: int = getattr(ports, name)
    return Component(
        name=name,
        command=_python(name),
        ports={name: port},
        environment=_variables(name, values, ports),
        requires=requires,
        tasks=tasks,
        ready=functools.partial(probes.http_answers, f"http://{host}:{port}/readyz"),
    )


def _worker(number: int, first: Component, host: str) -> Component:
    """The first worker as it is, or one more of it under a name and port of its own."""
    if number == 1:
        return first
    port = worker_port(first.ports[first.name], number)
    name = f"{first.name}_{number}"
    environment = {**first.environment, f"{first.name.upper()}_HTTP_PORT": str(port)}
    ready = functools.partial(probes.http_answers, f"http://{host}:{port}/readyz")
    return replace(first, name=name, ports={name: port}, environment=environment, ready=ready)


def _with_subject_keys(layout: Layout, service: Component) -> Component:
    """A service that knows persons by their subjects; the keys of these are made at the first start."""
    path = layout.data("subjects") / "keys.json"
    environment = {**service.environment, f"{service.name.upper()}_SUBJECT_KEYS": str(path)}
    return replace(service, environment=environment, prepare=functools.partial(ensure_keys, path))


def _variables(service: str, values: dict[str, str], ports: Ports) -> dict[str, str]:
    own = {**values, "HTTP_PORT": str(getattr(ports, service))}
    return {**_IMPORT_PATH, **{f"{service.upper()}_{name}": value for name, value in own.items()}}


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)
