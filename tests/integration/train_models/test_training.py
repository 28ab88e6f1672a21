"""`headrace models train`: from a model file and rows to a version that answers as fitted, and the same again."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from deploy.local.stack import Stack
from headrace.models.manifest import ONNX_FILE
from headrace.models.scorer import Model
from headrace.testing import wait_until
from tests.integration.train_models.workshop import MODEL, Row, Workshop, made_rows
from train_models.registry.hold_out import read_hold_out

pytestmark = pytest.mark.integration

ROWS = made_rows(400)


@pytest.fixture(scope="module")
def workshop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(stack, tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def churn(workshop: Workshop) -> str:
    """A model of a file's rows, trained once."""
    workshop.write_file("churn.csv", ROWS)
    workshop.write_model("churn", {"files": "churn.csv"}, validation={"folds": 5, "hold_out": 0.3})
    workshop.train("churn")
    return "churn"


def test_rows_of_a_topic_become_a_version_that_answers_as_it_was_fitted(workshop: Workshop) -> None:
    topic = workshop.new_topic(f"t{uuid4().hex[:8]}")
    workshop.send_rows(topic, ROWS)
    workshop.write_model("of_topic", {"topic": {"name": topic}})
    shown = workshop.right("models", "train", "of_topic")

    version = workshop.registry.version("of_topic")
    assert version.version.version == 1
    assert "400 in snapshot" in shown and version.tags["content_sha256"] in shown
    artifact = workshop.load(version)
    assert artifact.manifest.data_rows == 400
    assert artifact.manifest.metrics["hold_out_roc_auc"] > 0.85
    told = {row["customer"]: row for row in ROWS}
    held = read_hold_out(workshop.settings.runs / version.version.manifest_sha256)
    assert len(held.rows) == 120
    asked = [{name: told[id_][name] for name in MODEL["inputs"]} for id_ in held.rows.ids]
    found = Model(artifact.manifest, artifact.scorer).predict(asked)
    np.testing.assert_allclose(found.scores, held.scores[held.chosen], atol=1e-6)
    assert artifact.card.startswith("# of\\_topic") and "hold-out" in artifact.card
    assert b"<html" in workshop.file_of(version, "report.html")[:200]


def test_another_process_makes_the_same_of_the_same_rows(workshop: Workshop, churn: str) -> None:
    shutil.rmtree(workshop.settings.data / "trainings" / churn)
    process = workshop.start("headrace", "models", "train", churn)
    output, error = process.communicate(timeout=120)

    assert process.returncode == 0, error
    assert "was there already: the same rows gave the same" in output
    assert workshop.registry.version(churn).tags["content_sha256"] in output
    assert len(workshop.registry.versions(churn)) == 1


def test_a_training_that_was_killed_goes_on_and_gives_the_same(workshop: Workshop, churn: str, tmp_path: Path) -> None:
    elsewhere = workshop.beside(tmp_path / "data")
    process = elsewhere.start("headrace", "models", "train", churn)
    try:
        wait_until(lambda: len(elsewhere.run_files(churn)) >= 8, "eight folds", timeout=120, every=0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    finished = elsewhere.run_files(churn)
    whole = workshop.run_files(churn)
    folds = sum(".fold" in path.name for path in whole)
    assert 8 <= len(finished) < folds
    assert elsewhere.registry.names() == []

    again, before = elsewhere.train(churn), workshop.registry.version(churn)

    assert {path: elsewhere.run_files(churn)[path] for path in finished} == finished
    assert again.tags["content_sha256"] == before.tags["content_sha256"]
    assert elsewhere.file_of(again, ONNX_FILE) == workshop.file_of(before, ONNX_FILE)


def test_another_row_makes_another_model(workshop: Workshop, churn: str) -> None:
    rows = [dict(row) for row in ROWS]
    rows[7]["a"] += 0.5
    workshop.write_file("changed.csv", rows)
    workshop.write_model("changed", {"files": "changed.csv"}, validation={"folds": 5, "hold_out": 0.3})
    changed, before = workshop.train("changed"), workshop.registry.version(churn)

    assert changed.tags["data_sha256"] != before.tags["data_sha256"]
    assert changed.tags["content_sha256"] != before.tags["content_sha256"]


def test_a_hold_out_that_has_judged_another_run_says_so(workshop: Workshop) -> None:
    workshop.write_file("edited.csv", made_rows(300, seed=5, first=5_000))
    said, found = "This hold-out has judged 1 other run before", []
    for c in (1.0, 0.1):
        candidates = [{"algorithm": "logistic", "params": {"C": c}}]
        # Another input too: the rows that are held out stay the same ones.
        inputs = {"a": "number", "kind": "category", **({"b": "number"} if c < 1 else {})}
        workshop.write_model("edited", {"files": "edited.csv"}, candidates=candidates, inputs=inputs)
        found.append(workshop.train("edited"))

    first, second = map(workshop.load, found)
    assert said not in first.card
    assert any(caveat.startswith(said) for caveat in second.manifest.caveats)
    assert said in second.card
    assert said in workshop.file_of(found[1], "report.html").decode()


def test_a_shuffled_target_predicts_nothing_and_is_not_promoted(workshop: Workshop) -> None:
    labels = [row["left"] for row in ROWS]
    random.Random(3).shuffle(labels)
    workshop.write_file("shuffled.csv", [{**row, "left": label} for row, label in zip(ROWS, labels, strict=True)])
    workshop.write_model("shuffled", {"files": "shuffled.csv"})
    done = workshop.run("models", "train", "shuffled", "--promote")

    assert done.status == 3
    assert "not promoted, none answers" in done.error and "failed" in done.output
    metrics = workshop.registry.version("shuffled").metrics
    assert metrics["hold_out_roc_auc_low"] < 0.5 < metrics["hold_out_roc_auc_high"]
    assert abs(metrics["cv_roc_auc_mean"] - 0.5) < 0.1


def _leak(row: Row) -> Row:
    return {**row, "refund": 12.5 if row["left"] == "yes" else 0.0}


REFUSED: dict[str, tuple[Callable[[Row], Row], dict[str, Any], str]] = {
    "leak": (_leak, {"inputs": {"a": "number", "refund": "number"}}, "'refund' alone predicts the label"),
    "three_classes": (
        lambda row: {**row, "left": "maybe" if row["kind"] == "z" else row["left"]},
        {},
        "label 'left' has 3 classes",
    ),
    "no_column": (lambda row: row, {"inputs": {"a": "number", "age": "number"}}, "no column 'age'"),
    "text": (lambda row: {**row, "b": "much" if row["customer"] == "c3" else row["b"]}, {}, "'much'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_do_not_do_are_refused_in_a_line_and_nothing_is_registered(workshop: Workshop, case: str) -> None:
    change, parts, said = REFUSED[case]
    workshop.write_file(f"{case}.csv", [change(row) for row in ROWS])
    workshop.write_model(case, {"files": f"{case}.csv"}, **parts)

    assert said in workshop.refused("models", "train", case)
    assert case not in workshop.registry.names()


def test_what_was_not_known_at_the_rows_time_is_refused(workshop: Workshop) -> None:
    workshop.write_file("timed.csv", [{**row, "at": "2026-01-01T00:00Z", "ended": "2026-01-05T00:00Z"} for row in ROWS])
    workshop.write_file("calls.csv", [{"customer": row["customer"], "calls": 1} for row in ROWS])
    timed = {"files": "timed.csv", "time": "at"}
    join = {"from": {"files": "calls.csv"}, "on": "customer"}
    workshop.write_model("timed", {**timed, "join": [join]})
    assert "join.0.time is missing" in workshop.refused("models", "train", "timed")

    workshop.write_model("timed", timed, inputs={"a": "number", "ended": "time"})
    assert "'ended' is later than the row's own time in 400 rows" in workshop.refused("models", "train", "timed")
    assert "timed" not in workshop.registry.names()


def test_a_name_that_leads_elsewhere_is_refused(workshop: Workshop) -> None:
    assert "is no name of a model" in workshop.refused("models", "train", "../churn")
