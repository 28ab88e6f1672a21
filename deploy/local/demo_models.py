"""The demo's model: its file, and the process that trains, promotes and asks it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.component import render
from deploy.local.demo_process import running
from deploy.local.paths import DEPLOY, LOCAL, Layout
from deploy.local.stack import Stack

MODEL = "meter_flow"
_TEMPLATES = LOCAL / "demo_model_files"
_NAME = "demo_model_user"


def environment(layout: Layout) -> Mapping[str, Mapping[str, str]]:
    """Where the services find the model files: by service."""
    folder = str(_folder(layout))
    return {
        "train_models": {"TRAIN_MODELS_MODELS": folder},
        "process_predictions": {"PROCESS_PREDICTIONS_MODELS": folder},
    }


def write_models(stack: Stack) -> None:
    """Writes the demo's model files, of readings from now on, beside those of `deploy/models`."""
    folder = _folder(stack.layout)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DEPLOY / "models", folder)
    values = {"SINCE": datetime.now(UTC).isoformat(timespec="seconds")}
    for template in _TEMPLATES.glob("*.yaml"):
        render(template, folder / template.name, values)


def state_file(layout: Layout) -> Path:
    """Where the process says how it goes."""
    return layout.root / "demo_model.json"


@contextmanager
def asking(stack: Stack) -> Iterator[None]:
    """Trains and asks the model for the length of the block."""
    state = state_file(stack.layout)
    state.unlink(missing_ok=True)
    arguments = {
        "model": MODEL,
        "api": stack.url("serve_api"),
        "brokers": stack.brokers,
        "file": _folder(stack.layout) / f"{MODEL}.yaml",
        "state": state,
    }
    given = [f"--{name}={value}" for name, value in arguments.items()]
    with running(stack, _NAME, f"deploy.local.{_NAME}", given, stack.variables("train_models")):
        yield


def _folder(layout: Layout) -> Path:
    return layout.config("train_models", "models")
