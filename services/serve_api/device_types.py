"""The device types that a device may be set to, with the zone that each gives its devices."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from headrace.errors import ConfigurationError

_DEFAULT = "default"


def load_type_zones(path: Path) -> dict[str, str]:
    """Reads the device-type file: name → zone of a device's times that carry none.

    Raises:
        ConfigurationError: the file is missing, or is no mapping of types by name.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"device types in {path}: {error}") from error
    if not isinstance(content, Mapping) or not all(isinstance(entry, Mapping) for entry in content.values()):
        raise ConfigurationError(
            f"device types in {path}: the file has to be a mapping from a type's name to its entry"
        )
    general = content.get(_DEFAULT, {}).get("zone", "UTC")
    return {str(name): str(entry.get("zone", general)) for name, entry in content.items()}
