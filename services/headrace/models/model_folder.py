"""The folder of model files, one `NAME.yaml` a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from headrace.errors import ConfigurationError

ModelContent = Mapping[str, Any]


def read_model_folder(folder: Path) -> dict[str, ModelContent]:
    """What each file of a folder holds, by the model's name, in order of the names.

    Raises:
        ConfigurationError: there is no such folder, or a file is no YAML or holds no mapping.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder of model files {folder}")
    return {path.stem: read_model_file(path) for path in sorted(folder.glob("*.yaml"))}


def explain(error: ValidationError) -> str:
    """What is wrong with a file, by field."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())


def read_model_file(path: Path) -> ModelContent:
    """What a file holds.

    Raises:
        ConfigurationError: it can't be read, is no YAML or holds no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name} is no UTF-8, at byte {error.start}: save it as UTF-8") from error
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path.name}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path.name}: holds no model: begin with `task:`")
    return content
