"""`headrace models`, run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.local.stack import Stack
from headrace.errors import ConfigurationError
from tests.integration.train_models.toy_model import Toy
from train_models.models_cli import app
from train_models.registry.mlflow_registry import Registry
from train_models.registry.promotion import read_promotion
from train_models.settings import Settings

NAME = "commanded"


@pytest.fixture(scope="module")
def toy(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    folder = tmp_path_factory.mktemp("commands")
    settings = Settings(brokers=stack.brokers, data=folder / "data", models=folder / "models")
    return Toy(settings, Registry(settings.registry_uri, settings.artifacts_uri), NAME)


def _run(toy: Toy, *arguments: str) -> Result:
    """In this process, as MLflow takes seconds to import."""
    variables = {
        "TRAIN_MODELS_BROKERS": toy.settings.brokers,
        "TRAIN_MODELS_DATA": str(toy.settings.data),
        "TRAIN_MODELS_MODELS": str(toy.settings.models),
        "COLUMNS": "200",
    }
    return CliRunner().invoke(app, list(arguments), env=variables)


def _right(toy: Toy, *arguments: str) -> str:
    done = _run(toy, *arguments)
    assert done.exception is None, (done.output, done.exception)
    return done.output


def _refused(toy: Toy, *arguments: str) -> str:
    """What is shown, and the one line that the command ends with."""
    done = _run(toy, *arguments)
    assert isinstance(done.exception, ConfigurationError), (done.output, done.exception)
    return f"{done.output}{done.exception}"


def test_from_the_first_version_to_a_rollback(toy: Toy, tmp_path: Path) -> None:
    assert f"headrace models train {NAME}" in _refused(toy, "promote", NAME)
    toy.train("signal")
    shown = _right(toy, "promote", NAME)
    assert "better than baseline majority" in shown and f"{NAME}: champion is version 1" in shown
    toy.train("noise")
    refused = _refused(toy, "promote", NAME)
    assert "failed" in refused and "not promoted, version 1 stays" in refused and "--force" in refused
    assert "canary 2 (10%)" in _right(toy, "promote", NAME, "--version", "2", "--canary", "0.1")
    listed = _right(toy, "list")
    assert NAME in listed and "2 (10%)" in listed
    versions = _right(toy, "list", NAME)
    assert "champion" in versions and "canary" in versions and "roc_auc" in versions
    compared = _right(toy, "compare", NAME)
    assert "hold_out_roc_auc" in compared and "-0.2000" in compared and "better than version 1" in compared
    assert "version 2" in _right(toy, "promote", NAME, "--force", "to see it fall")
    assert "champion is version 1" in _right(toy, "rollback", NAME, "--reason", "it fell")
    standing = read_promotion(toy.settings.brokers, NAME)
    assert standing and standing.reason == "rollback from version 2: it fell"
    assert "Looks at" in _right(toy, "report", NAME)
    out = tmp_path / "report.html"
    _right(toy, "report", NAME, "--version", "1", "--out", str(out))
    assert out.read_text() == "<h1>Report</h1>"


@pytest.mark.parametrize("command", ["compare", "promote", "rollback", "report", "list"])
def test_a_name_that_leads_elsewhere_is_refused(toy: Toy, command: str) -> None:
    assert "is no name of a model" in _refused(toy, command, "../secrets")


def test_what_does_not_go_together_is_said(toy: Toy) -> None:
    assert "give one of" in _refused(toy, "promote", NAME, "--canary", "0.1", "--shadow")


def test_it_is_a_command_of_headrace_whose_errors_are_one_line() -> None:
    command = [sys.executable, "-c", "from headrace.cli import main; main()", "models", "report", "../secrets"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "is no name of a model" in done.stderr
