"""The loop is closed: predictions and outcomes become rows, and new rows or drift a training that is promoted."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.stack import Stack
from headrace.clock import SystemClock
from headrace.models.records import MADE, OUTCOMES, Outcome, Prediction, Role
from headrace.models.scorer import Model
from headrace.testing import wait_until
from tests.integration.train_models.workshop import MODEL, Row, Workshop, made_rows
from train_models.model_file import ModelFile, load_model_file
from train_models.registry.promotion import read_promotion
from train_models.retraining.measure import LEAST_PREDICTIONS, Measured

pytestmark = pytest.mark.integration

RETRAINING = {"new_rows": 50, "drift_psi": 0.25}


class Churn:
    """A model of a topic's rows, trained once, and what it is asked."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.name = f"churn_{uuid4().hex[:8]}"
        self.topic = workshop.new_topic(self.name)
        workshop.send_rows(self.topic, made_rows(300))
        data = {"topic": {"name": self.topic}}
        workshop.write_model(self.name, data, candidates=[{"algorithm": "logistic"}], retraining=RETRAINING)
        self.version = workshop.train(self.name, "--promote")
        artifact = workshop.load(self.version)
        self.model = Model(artifact.manifest, artifact.scorer)

    @property
    def file(self) -> ModelFile:
        return load_model_file(self.name, self.workshop.settings.models)

    def predict(self, rows: Sequence[Row], role: Role = "champion") -> list[str]:
        """Asks it and records the answers, as serve_api does; returns their ids."""
        features = [{name: row[name] for name in MODEL["inputs"]} for row in rows]
        found = self.model.predict(features)
        assert found.decisions is not None
        threshold, now_us = self.model.manifest.threshold, SystemClock().now_us()
        made = [
            Prediction(
                id=uuid4().hex,
                site="home",
                model=self.name,
                version=self.version.version.version,
                role=role,
                made=now_us,
                features=asked,
                score=float(score),
                decision=bool(decision),
                threshold=threshold,
            )
            for asked, score, decision in zip(features, found.scores, found.decisions, strict=True)
        ]
        self.workshop.send(MADE, "", made)
        return [each.id for each in made]

    def tell(self, ids: Sequence[str], rows: Sequence[Row]) -> None:
        """What came of it."""
        now_us = SystemClock().now_us()
        told = [
            Outcome(id_, "home", self.name, row["left"] == "yes", now_us) for id_, row in zip(ids, rows, strict=True)
        ]
        self.workshop.send(OUTCOMES, "", told)


@pytest.fixture(scope="module")
def workshop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(stack, tmp_path_factory.mktemp("retraining"))


@pytest.fixture(scope="module")
def churn(workshop: Workshop) -> Churn:
    return Churn(workshop)


@pytest.fixture
def measured(workshop: Workshop) -> Measured:
    return Measured(workshop.settings, workshop.registry)


def test_a_model_learns_from_what_another_was_asked(workshop: Workshop, churn: Churn, measured: Measured) -> None:
    standing = read_promotion(workshop.brokers, churn.name)
    assert standing and standing.champion == churn.version.version
    asked = made_rows(250, seed=2)
    ids = churn.predict(asked)
    churn.tell(ids[:240], asked[:240])

    name = f"{churn.name}_again"
    data = {"predictions": {"model": churn.name}, "positive": True, "id": "prediction_id"}
    retraining = {"new_rows": 3}
    workshop.write_model(name, data, candidates=[{"algorithm": "logistic"}], retraining=retraining)
    version = workshop.train(name)

    assert version.tags["data_rows"] == "240"
    assert version.metrics["hold_out_roc_auc"] > 0.8
    model = load_model_file(name, workshop.settings.models)
    assert measured.standing(model, 0).new_rows == 0
    churn.tell(ids[240:], asked[240:])
    assert measured.standing(model, 0).new_rows == 10


def test_rows_are_new_that_came_after_the_snapshot_and_the_last_training(churn: Churn, measured: Measured) -> None:
    assert measured.standing(churn.file, 0).new_rows == 0
    churn.workshop.send_rows(churn.topic, made_rows(7, first=1_000))
    assert measured.standing(churn.file, 0).new_rows == 7
    # Kafka's times are milliseconds.
    after_us = SystemClock().now_us() + 2_000
    assert measured.standing(churn.file, after_us).new_rows == 0


def test_all_rows_are_new_to_a_model_without_a_version(churn: Churn, measured: Measured) -> None:
    never = churn.file.model_copy(update={"name": "never_trained"})
    assert (measured.standing(never, 0).new_rows or 0) >= 300


def test_an_input_that_moved_is_found_by_enough_predictions(churn: Churn, measured: Measured) -> None:
    since_us = SystemClock().now_us()
    shifted = [{**row, "a": row["a"] + 1.0} for row in made_rows(2_000, seed=3)]
    churn.predict(shifted[:1_500], role="shadow")
    churn.predict(shifted[: LEAST_PREDICTIONS - 1])
    assert measured.standing(churn.file, since_us).drift == {}
    churn.predict(shifted[LEAST_PREDICTIONS - 1 :])

    drift = measured.standing(churn.file, since_us).drift
    assert set(drift) == {"a", "b", "kind", "score"}
    assert drift["a"] > 0.25
    assert max(drift["b"], drift["kind"]) < 0.1
    assert measured.standing(churn.file, SystemClock().now_us() + 2_000).drift == {}


class Retraining:
    """`python -m train_models`, its log in a file."""

    def __init__(self, workshop: Workshop, log: Path) -> None:
        self._log = log
        settings = {"TRAIN_MODELS_HTTP_PORT": "0", "TRAIN_MODELS_LOOK_EVERY_S": "0.1"}
        self.process = workshop.start("train_models", log=log, **settings)
        self._port = wait_until(self._started, "its start", timeout=120)

    def lines(self, message: str) -> list[dict[str, object]]:
        """Its log's lines of one message."""
        found = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in found if line["message"] == message]

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def metrics(self, model: str) -> dict[str, float]:
        """Name, and outcome where there is one → value."""
        samples = [each for one in text_string_to_metric_families(self.get("/metrics")) for each in one.samples]
        return {
            " ".join((each.name, *filter(None, [each.labels.get("outcome")]))): each.value
            for each in samples
            if each.labels.get("model") == model and not each.name.endswith("_created")
        }

    def stop(self) -> int:
        """Its status after SIGTERM."""
        self.process.terminate()
        return self.process.wait(30)

    def _started(self) -> object:
        assert self.process.poll() is None, self._log.read_text()
        return next(iter(self.lines("started")), {}).get("http_port")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Retraining]]:
    """What is to be ended."""
    found: list[Retraining] = []
    yield found
    for each in found:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait(10)


def test_new_rows_are_trained_on_once_and_an_interrupted_training_is_resumed(
    stack: Stack, workshop: Workshop, tmp_path: Path, started: list[Retraining]
) -> None:
    shop = Workshop(stack, tmp_path, workshop.settings.data)
    name = f"orders_{uuid4().hex[:8]}"
    topic = shop.new_topic(name)
    candidates = [
        {"algorithm": "logistic"},
        {"algorithm": "lightgbm", "params": {"n_estimators": 200, "num_leaves": 7}, "bag": 2},
    ]
    retraining = {"new_rows": 400, "promote": True}
    shop.write_model(name, {"topic": {"name": topic}}, candidates=candidates, retraining=retraining)
    first = Retraining(shop, tmp_path / "first.log")
    started.append(first)
    assert json.loads(first.get("/readyz"))["status"] == "ok"
    assert first.metrics(name) == {
        "headrace_model_trainings_total trained": 0,
        "headrace_model_trainings_total failed": 0,
        "headrace_model_last_trained_seconds": 0,
        "headrace_model_new_rows": 0,
        "headrace_model_drift_psi": 0,
        "headrace_model_training_failing": 0,
    }
    shop.send_rows(topic, made_rows(400))
    wait_until(lambda: len(shop.run_files(name)) >= 11, "eleven folds", timeout=120, every=0.002)
    assert first.stop() == 0
    finished = shop.run_files(name)
    assert len(finished) >= 11
    assert name not in shop.registry.names()

    second = Retraining(shop, tmp_path / "second.log")
    started.append(second)
    trained = "headrace_model_trainings_total trained"
    wait_until(lambda: second.metrics(name)[trained] == 1, "the training", timeout=120)
    assert {path: shop.run_files(name)[path] for path in finished} == finished
    assert len(shop.run_files(name)) > len(finished)
    assert second.lines("training")[0]["reason"] == "400 new rows"
    version = shop.registry.version(name)
    assert version.tags["data_rows"] == "400"
    promotion = read_promotion(shop.brokers, name)
    assert promotion and promotion.champion == version.version
    shop.send_rows(topic, made_rows(5, first=1_000))
    wait_until(lambda: second.metrics(name)["headrace_model_new_rows"] == 5, "a look after it", timeout=60)
    assert second.metrics(name)[trained] == 1
    assert second.metrics(name)["headrace_model_last_trained_seconds"] > 1.7e9
    assert second.stop() == 0
    assert len(second.lines("training")) == 1


def test_a_broken_model_file_ends_the_start(stack: Stack, workshop: Workshop, tmp_path: Path) -> None:
    shop = Workshop(stack, tmp_path, workshop.settings.data)
    shop.write_model("broken", {"files": "rows.csv"}, retraining={"cron": "at three"})
    process = shop.start("train_models", TRAIN_MODELS_HTTP_PORT="0")
    _, error = process.communicate(timeout=120)

    assert process.returncode == 2
    assert error.startswith("train_models: broken.yaml: retraining.cron") and error.count("\n") == 1, error
