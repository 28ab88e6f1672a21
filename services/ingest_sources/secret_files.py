"""The secrets that sources name: files of one folder, one each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.errors import ConfigurationError
from headrace.secret_files import read_private


class Secrets:
    """The secrets that sources name: files of one folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def placed(self, value: Any) -> Any:
        """A value as a connector's library takes it: texts `secret:NAME` are replaced, also inside of mappings.

        Raises:
            ConfigurationError: as `get`.
        """
        if isinstance(value, Mapping):
            return {name: self.placed(each) for name, each in value.items()}
        is_secret = isinstance(value, str) and value.startswith("secret:")
        return self.get(value.removeprefix("secret:")) if is_secret else value

    def get(self, name: str) -> str:
        """A secret by its file's name.

        Raises:
            ConfigurationError: there is no such file, it is empty, or others may read it.
        """
        if self._folder is None:
            raise ConfigurationError(
                f"a source names the secret {name}: set INGEST_SOURCES_SECRETS to the folder it is in"
            )
        if "/" in name or name.startswith("."):
            raise ConfigurationError(f"secret {name!r} is no name of a file in INGEST_SOURCES_SECRETS")
        secret = read_private(self._folder / name, "secret")
        if not secret:
            raise ConfigurationError(f"secret {self._folder / name} is empty")
        return secret
