"""The demo's sources, one of each kind: their files, their secrets, and the process that fills what they read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.component import render
from deploy.local.demo_process import running
from deploy.local.paths import DEPLOY, LOCAL, Layout
from deploy.local.stack import Stack

FAR_ENDS = ("postgres", "rabbitmq")
_TEMPLATES = LOCAL / "demo_source_files"
_NAME = "demo_origins"
# Those of deploy/local/far_ends.py, which say why they are no secrets.
_SECRETS = {"postgres": "headrace", "rabbitmq": "guest"}


def environment(layout: Layout) -> Mapping[str, str]:
    """Where ingest_sources finds the demo's sources."""
    return {
        "INGEST_SOURCES_SOURCES": str(_folder(layout, "sources")),
        "INGEST_SOURCES_SECRETS": str(_folder(layout, "secrets")),
    }


def write_sources(stack: Stack) -> None:
    """Writes the sources' files and secrets, and those of `deploy/sources` beside them."""
    folder = _folder(stack.layout, "sources")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DEPLOY / "sources", folder)
    ports = stack.ports
    far_ends = {"POSTGRES": ports.postgres, "RABBITMQ": ports.rabbitmq, "KAFKA": ports.kafka, "API": ports.demo_api}
    values = {"HOST": stack.host, **{name: str(port) for name, port in far_ends.items()}}
    for template in _TEMPLATES.glob("*.yaml"):
        render(template, folder / template.name, values)
    secrets = _folder(stack.layout, "secrets")
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in _SECRETS.items():
        path = secrets / name
        path.touch(mode=0o600)
        path.write_text(text)


@contextmanager
def filling(stack: Stack) -> Iterator[None]:
    """Fills what the sources read for the length of the block."""
    inbox = stack.layout.data("ingest_sources") / "inbox"
    arguments = {
        "postgres": stack.postgres_url,
        "amqp": stack.amqp_url,
        "brokers": stack.brokers,
        "host": stack.host,
        "api-port": stack.ports.demo_api,
        "inbox": inbox,
        "records": stack.layout.root / "pids",
    }
    given = [f"--{name}={value}" for name, value in arguments.items()]
    with running(stack, _NAME, f"deploy.local.{_NAME}", given):
        yield


def _folder(layout: Layout, name: str) -> Path:
    return layout.config("ingest_sources", name)
