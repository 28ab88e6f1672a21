"""Variants of an online model as versions, judged by records on Kafka as process_predictions writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deploy.local.stack import Stack
from headrace.errors import ConfigurationError
from headrace.models.artifact import load_artifact
from headrace.models.online import load_online_models
from headrace.models.records import MADE, OUTCOMES, Outcome, Prediction
from headrace.models.signing import read_public_keys
from process_predictions.online.rules import online_id
from process_predictions.roles import Roles
from tests.integration.train_models.workshop import Workshop
from train_models.registry.promotion import read_promotion

HOUR = 3_600_000_000
FIRST = 473_352 * HOUR
"""2024-01-01 UTC."""
NAME, YOUNG = "online_hour", "online_young"
FEATURES = ["change_1", "level_profile"]


@pytest.fixture(scope="module")
def workshop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Two models: one with 20 days of predictions, of which the second version is better, and one with 2 days."""
    workshop = Workshop(stack, tmp_path_factory.mktemp("online"))
    for name, days in ((NAME, 20), (YOUNG, 2)):
        write_model(workshop, name, 1, 2)
        made, came = records(name, days)
        workshop.send(MADE, name, made)
        workshop.send(OUTCOMES, name, came)
    yield workshop


def write_model(workshop: Workshop, name: str, *versions: int) -> None:
    variants = [
        {"name": f"v{version}", "version": version, "pipeline": "sgd_linear", "features": FEATURES}
        for version in versions
    ]
    content = {"task": "online", "about": "Mean of the hour", "predicts": "mean", "variants": variants}
    (workshop.settings.models / f"{name}.yaml").write_text(json.dumps(content))


def records(name: str, days: int) -> tuple[list[Prediction], list[Outcome]]:
    """Two metrics of very different units; the second version's errors are nine tenths of the first's."""
    random = np.random.default_rng(1)
    made, came = [], []
    for metric, unit in (("temperature", 1.0), ("pressure", 1_000.0)):
        values = unit * np.cumsum(random.normal(size=days * 24))
        for at, value in enumerate(values):
            start, error = FIRST + at * HOUR, unit * random.normal() * 0.8
            for version, share in ((1, 1.0), (2, 0.9)):
                subject = ("main", "pump", metric)
                one = online_id(name, version, subject, start)
                made.append(
                    Prediction(
                        id=one,
                        site="main",
                        model=name,
                        version=version,
                        role="champion" if version == 1 else "shadow",
                        made=start,
                        features=dict.fromkeys(FEATURES, 0.0),
                        score=float(value + share * error),
                        subject="/".join(subject),
                        event_time=start,
                        due=start + HOUR,
                    )
                )
                came.append(Outcome(id=one, site="main", model=name, label=float(value), observed=start + HOUR))
    return made, came


def test_from_a_file_to_a_challenger_that_is_champion_and_back(workshop: Workshop, tmp_path: Path) -> None:
    assert f"headrace models train {NAME}" in workshop.refused("models", "promote", NAME)
    shown = workshop.right("models", "train", NAME)
    assert "MASE" in shown and shown.count("960") == 2
    first, second = (workshop.registry.version(NAME, number) for number in (1, 2))
    assert second.metrics["prequential_mase"] == pytest.approx(0.9 * first.metrics["prequential_mase"], rel=0.01)
    assert workshop.right("models", "train", NAME) == shown, "registered once, judged again to the same"
    assert len(workshop.registry.versions(NAME)) == 2
    listed = workshop.right("models", "list", NAME)
    assert "champion" in listed and "challenger" in listed and "2024-01-01 00:00 to 2024-01-20 23:00 UTC" in listed

    compared = workshop.right("models", "compare", NAME, "2", "1")
    assert "better than version 1" in compared and "passed" in compared and "the last value" in compared
    assert "failed" in workshop.right("models", "compare", NAME, "1", "2")
    refused = workshop.refused("models", "promote", NAME, "--version", "2", "--canary", "0.1")
    assert "all its variants predict and learn" in refused
    assert "canary or shadow" in workshop.refused("models", "promote", NAME, "--version", "2", "--shadow")

    assert f"{NAME}: champion is version 2" in workshop.right("models", "promote", NAME, "--version", "2")
    standing = read_promotion(workshop.brokers, NAME)
    assert standing and standing.champion == second.version and standing.before == (first.version,)
    roles = Roles(load_online_models(workshop.settings.models))
    roles.take(standing)
    assert (roles.get(NAME, 1), roles.get(NAME, 2)) == ("shadow", "champion"), "as process_predictions swaps"

    refusal = workshop.run("models", "promote", NAME, "--version", "1")
    assert refusal.status == 1 and "version 2 stays" in refusal.error
    workshop.right("models", "promote", NAME, "--version", "1", "--force", "to see it")
    workshop.right("models", "rollback", NAME)
    standing = read_promotion(workshop.brokers, NAME)
    assert standing and standing.champion.version == 2 and standing.revision == 3

    assert "Prequentially" in workshop.right("models", "report", NAME, "--version", "2")
    page = tmp_path / "page.html"
    workshop.right("models", "report", NAME, "--out", str(page))
    assert "<svg" in page.read_text() and "958 periods" in page.read_text()

    write_model(workshop, NAME, 2)
    assert "no variant with version 1" in workshop.refused("models", "promote", NAME, "--version", "1", "--force", "x")
    write_model(workshop, NAME, 2, 4)
    assert "give it version 3" in workshop.refused("models", "train", NAME)


def test_too_few_outcomes_promote_nothing(workshop: Workshop) -> None:
    workshop.right("models", "train", YOUNG)
    refusal = workshop.run("models", "promote", YOUNG, "--version", "2")
    assert refusal.status == 1 and "version 1 stays" in refusal.error
    shown = " ".join(refusal.output.split())
    assert "94 periods" in shown and "in 2 blocks" in shown and "14 blocks are needed" in shown
    assert read_promotion(workshop.brokers, YOUNG) is None
    workshop.right("models", "promote", YOUNG, "--version", "2", "--force", "it is urgent")
    standing = read_promotion(workshop.brokers, YOUNG)
    assert standing and standing.reason.startswith("forced: it is urgent (not passed: better than version 1")
    assert f"{YOUNG}: champion is version 1" in workshop.right("models", "rollback", YOUNG)


def test_only_some_periods_count_where_a_time_is_given(workshop: Workshop) -> None:
    shown = workshop.right("models", "compare", NAME, "2", "1", "--since", "2024-01-15")
    assert "288 periods" in " ".join(shown.split()), "12 blocks, and no promotion of so few"
    assert "failed" in shown


def test_the_artifact_is_signed_and_holds_no_model(workshop: Workshop) -> None:
    workshop.right("models", "train", YOUNG)
    version = workshop.registry.version(YOUNG, 1)
    assert version.tags["algorithm"] == "river"
    keys = read_public_keys(workshop.settings.public_keys_file)
    found = version.version
    with pytest.raises(ConfigurationError, match="runs in process_predictions alone"):
        load_artifact(found.uri, manifest_sha256=found.manifest_sha256, public_keys=keys, scratch=workshop.folder)
