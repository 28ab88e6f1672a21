"""A folder in which models are trained by the command, as a person or the retraining does it."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from deploy.local.stack import Stack
from headrace import cli
from headrace.kafka import Producer
from headrace.logs import KAFKA_LOGGER
from headrace.models.artifact import Artifact, load_artifact
from headrace.models.signing import read_public_keys
from headrace.records import Record, RowSchema, encode, headers_of
from headrace.topics import Topic, create_topics
from train_models.registry.mlflow_registry import RegisteredVersion, Registry
from train_models.settings import Settings

Row = dict[str, Any]
COLUMNS = {"customer": "text", "a": "number", "b": "number", "kind": "text", "left": "text"}
MODEL: dict[str, Any] = {
    "task": "classification",
    "data": {"label": "left", "positive": "yes", "id": "customer"},
    "inputs": {"a": "number", "b": "number", "kind": "category"},
    "validation": {"folds": 3, "hold_out": 0.3},
    "candidates": [
        {"algorithm": "logistic"},
        {"algorithm": "lightgbm", "params": {"n_estimators": 30, "num_leaves": 7}},
    ],
}


def made_rows(count: int, *, seed: int = 1, first: int = 0) -> list[Row]:
    """Customers who leave, which a, b and kind decide, with noise."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(first, first + count):
        a, b = (round(float(value), 4) for value in random.normal(size=2))
        kind = str(random.choice(["x", "y", "z"]))
        left = 1.5 * a - b + (kind == "x") + random.normal() > 0.5
        rows.append({"customer": f"c{number}", "a": a, "b": b, "kind": kind, "left": "yes" if left else "no"})
    return rows


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    status: int
    output: str
    error: str


class Workshop:
    """Model files, rows, and the command with settings that lead to them."""

    def __init__(self, stack: Stack, folder: Path, data: Path | None = None) -> None:
        self._stack = stack
        self.brokers = stack.brokers
        self.folder = folder
        self.settings = Settings(
            brokers=stack.brokers, data=data or folder / "data", models=folder / "models", files=folder / "rows"
        )
        self.registry = Registry(self.settings.registry_uri, self.settings.artifacts_uri)
        self.settings.models.mkdir(parents=True, exist_ok=True)
        self.settings.files.mkdir(parents=True, exist_ok=True)
        self._producer = Producer(stack.brokers, "workshop")

    def beside(self, data: Path) -> Workshop:
        """The same model files and rows, with nothing trained yet."""
        return Workshop(self._stack, self.folder, data)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TRAIN_MODELS_BROKERS": self.brokers,
            "TRAIN_MODELS_DATA": str(self.settings.data),
            "TRAIN_MODELS_MODELS": str(self.settings.models),
            "TRAIN_MODELS_FILES": str(self.settings.files),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }

    def write_model(self, name: str, data: Mapping[str, Any], **parts: Any) -> None:
        """The model file: the usual one but for these."""
        content = {**MODEL, **parts, "data": {**MODEL["data"], **data}}
        (self.settings.models / f"{name}.yaml").write_text(json.dumps(content))

    def write_file(self, name: str, rows: Sequence[Row]) -> None:
        with (self.settings.files / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def new_topic(self, name: str, columns: Mapping[str, str] | None = None) -> str:
        """A topic as a source of ingest_sources has it, with its schema."""
        topic = f"sources.{name}"
        spec = Topic(name=topic, about="", key="", record="raw", partitions=2, writers=())
        create_topics(self.brokers, {topic: spec})
        schema = RowSchema(topic, name, 1, "{customer}", dict(columns or COLUMNS), 1)  # type: ignore[arg-type]  # of literals
        self.send("sources.schemas", topic, [schema])
        return topic

    def send_rows(self, topic: str, rows: Sequence[Row]) -> None:
        """Rows of the topic's first schema."""
        for row in rows:
            headers = [("schema", f"{topic}.v1".encode())]
            self._producer.produce(topic, json.dumps(row).encode(), row["customer"].encode(), headers)
        self._producer.flush(30)

    def send(self, topic: str, key: str, records: Sequence[Record]) -> None:
        """Headrace's own records; each has its id as its key where it has one."""
        for record in records:
            own = str(getattr(record, "id", key))
            self._producer.produce(topic, encode(record), own.encode(), headers_of(record))
        self._producer.flush(30)

    def run(self, *arguments: str) -> Ended:
        """`headrace ARGUMENTS` in this process, since MLflow takes seconds to import."""
        output, error, status = io.StringIO(), io.StringIO(), 0
        logger = logging.getLogger(KAFKA_LOGGER)
        level = logger.level
        try:
            with (
                patch.dict(os.environ, self.environment),
                patch.object(sys, "argv", ["headrace", *arguments]),
                redirect_stdout(output),
                redirect_stderr(error),
            ):
                cli.main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        finally:
            logger.setLevel(level)
        return Ended(status, output.getvalue(), error.getvalue())

    def right(self, *arguments: str) -> str:
        """What a command shows that ends well."""
        done = self.run(*arguments)
        assert done.status == 0, (done.output, done.error)
        return done.output

    def train(self, name: str, *options: str) -> RegisteredVersion:
        """The newest version after a training."""
        self.right("models", "train", name, *options)
        return self.registry.version(name)

    def refused(self, *arguments: str) -> str:
        """The one line with which a command is refused."""
        done = self.run(*arguments)
        assert done.status == 1, (done.output, done.error)
        assert done.error.startswith("headrace: ") and done.error.count("\n") == 1, done.error
        return done.error

    def start(self, module: str, *arguments: str, log: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        """`python -m MODULE ARGUMENTS`, in a process of its own; what it says goes to pipes, or all to a file."""
        command, variables = [sys.executable, "-m", module, *arguments], {**os.environ, **self.environment}
        variables |= environment
        if log is None:
            pipe = subprocess.PIPE
            return subprocess.Popen(command, env=variables, stdout=pipe, stderr=pipe, text=True)
        with log.open("w") as file:
            return subprocess.Popen(command, env=variables, stdout=file, stderr=subprocess.STDOUT, text=True)

    def load(self, version: RegisteredVersion) -> Artifact:
        """The version's artifact as a server loads it: checked against keys and the registry's fingerprint."""
        keys = read_public_keys(self.settings.public_keys_file)
        found = version.version
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        return load_artifact(found.uri, manifest_sha256=found.manifest_sha256, public_keys=keys, scratch=scratch)

    def file_of(self, version: RegisteredVersion, name: str) -> bytes:
        """A file of the version's artifact."""
        scratch = self.folder / "scratch" / version.version.manifest_sha256
        scratch.mkdir(parents=True, exist_ok=True)
        return self.registry.fetch(version, name, scratch).read_bytes()

    def run_files(self, name: str) -> dict[Path, int]:
        """Finished parts of the model's trainings → when each was written."""
        return {path: path.stat().st_mtime_ns for path in (self.settings.data / "trainings" / name).glob("*/*.npz")}
