"""Reads experiment files."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from headrace.errors import ConfigurationError
from headrace.experiments.experiment import Experiment
from headrace.experiments.experiments import Experiments

EXPERIMENTS_FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "experiments"


def load_experiments(folder: Path = EXPERIMENTS_FOLDER) -> Experiments:
    """All of a folder's `*.yaml`; none where there is no such folder.

    Raises:
        ConfigurationError: a file is wrong, or two don't go together; says which, where and why.
    """
    return Experiments(load_experiment(path) for path in sorted(folder.glob("*.yaml")))


def load_experiment(path: Path) -> Experiment:
    """One file, whose name is the experiment's.

    Raises:
        ConfigurationError: it can't be read or is wrong.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path.name} can't be read as YAML: {error}") from error
    if not isinstance(content, dict) or "name" in content:
        raise ConfigurationError(f"{path.name} must be a mapping without `name`, which is the file's; see the README")
    try:
        return Experiment.model_validate({**content, "name": path.stem})
    except ValidationError as error:
        raise ConfigurationError(f"{path.name}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    said = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        said.append(f"{place}: {message}" if place else message)
    return "; ".join(said)
