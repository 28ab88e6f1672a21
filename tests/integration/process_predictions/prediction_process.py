"""A process_predictions of one test, with model files of its own, on the session's Kafka."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.local.paths import PROJECT
from headrace.kafka import Producer, consumer_config, headers_of_message
from headrace.models.records import MADE, OUTCOMES, PROMOTED, ModelVersion, Outcome, Prediction, Promotion
from headrace.records import Window, decode, encode, headers_of, record_key
from headrace.testing import wait_until
from process_predictions.topology import WINDOWS
from tests.served_models import ModelMaker
from tests.worker_process import WorkerProcess

SHIPPED = PROJECT / "deploy" / "models"
PARTITIONS = 3
_FIRST_PORT = 9_700


class PredictionProcess(WorkerProcess):
    """`name` is the site of the test's windows, and in the names of its models and topic."""

    def __init__(self, brokers: str, folder: Path) -> None:
        super().__init__("process_predictions", folder, _FIRST_PORT)
        self.brokers = brokers
        self.name = f"t{uuid.uuid4().hex[:10]}"
        self.folder = folder
        self.models = folder / "models"
        self.hour, self.unusual, self.usage = f"hour_{self.name}", f"unusual_{self.name}", f"usage_{self.name}"
        self.rows = f"sources.{self.name}"
        self.maker = ModelMaker(folder)
        self._write_models()
        self._producer = Producer(brokers, "test")
        self._consumer = Consumer(consumer_config(brokers, "checks-are-in-no-group"))
        self._consumer.assign([TopicPartition(topic, number, 0) for topic in (MADE, OUTCOMES) for number in range(4)])
        self.made: list[Prediction] = []
        self.outcomes: list[Outcome] = []
        self._revision = 0

    def _write_models(self) -> None:
        self.models.mkdir()
        hour = yaml.safe_load((SHIPPED / "next_hour.yaml").read_text())
        unusual = yaml.safe_load((SHIPPED / "unusual_hour.yaml").read_text())
        unusual["forecast"] = f"{self.hour}/gradient"
        usage = {"task": "classification", "stream": {"topic": self.rows, "id": "line"}}
        for name, content in ((self.hour, hour), (self.unusual, unusual), (self.usage, usage)):
            (self.models / f"{name}.yaml").write_text(yaml.safe_dump(content))

    def make_topic(self) -> None:
        """The topic that the usage model scores."""
        admin = AdminClient({"bootstrap.servers": self.brokers})
        for future in admin.create_topics([NewTopic(self.rows, PARTITIONS, 1)]).values():
            future.result()

    def start(self) -> None:
        self.start_with(
            {
                "BROKERS": self.brokers,
                "MODELS": str(self.models),
                "MODEL_KEYS": str(self.maker.keys),
                "MAX_BATCH_RECORDS": "50",
            }
        )

    def leave_only_usage(self) -> None:
        """Takes the online models away."""
        for name in (self.hour, self.unusual):
            (self.models / f"{name}.yaml").unlink()

    def readiness(self) -> str:
        """What /readyz says, whether it is ready or not; empty where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            content = error.read()
        except OSError:
            return ""
        return content.decode()

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.get("/readyz") is not None, "readiness", 60)

    def send_windows(self, windows: Sequence[Window]) -> None:
        for each in windows:
            self._producer.produce(WINDOWS, encode(each), record_key(each.site, each.device), headers_of(each))
        self._producer.flush(30)

    def send_rows(self, rows: Sequence[Mapping[str, object]]) -> None:
        for row in rows:
            self._producer.produce(self.rows, json.dumps(row).encode(), str(row["line"]).encode())
        self._producer.flush(30)

    def promote(self, model: str, champion: ModelVersion) -> None:
        self._revision += 1
        record = Promotion(model, self._revision, champion, self._revision)
        self._producer.produce(PROMOTED, encode(record), model.encode(), headers_of(record))
        self._producer.flush(10)

    def read(self) -> None:
        """Takes the committed records of this test's models that are there."""
        for message in self._consumer.consume(5_000, 0.1):
            if message.error() is not None:
                continue
            record = decode(message.value(), headers_of_message(message))
            if isinstance(record, Prediction) and record.model.endswith(self.name):
                self.made.append(record)
            elif isinstance(record, Outcome) and record.model.endswith(self.name):
                self.outcomes.append(record)

    def wait_for(self, made: int, what: str = "predictions", model: str = "") -> None:
        def enough() -> bool:
            self.read()
            return sum(each.model.startswith(model) for each in self.made) >= made

        wait_until(enough, f"{made} {what}; the worker said {self.said()}", 90, every=0.02)

    def close(self) -> None:
        self.kill()
        self._consumer.close()


@contextmanager
def prediction_process(brokers: str, folder: Path) -> Iterator[PredictionProcess]:
    """A process that is dead afterwards."""
    process = PredictionProcess(brokers, folder)
    try:
        yield process
    finally:
        process.close()
