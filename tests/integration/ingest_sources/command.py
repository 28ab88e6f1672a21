"""`headrace sources` in the test's own process."""

from collections.abc import Mapping

import pytest
from typer.testing import CliRunner, Result

from headrace.cli import build_cli
from headrace.errors import HeadraceError


class Command:
    """Runs the command with a bench's settings: `command("check", "orders")`."""

    def __init__(self, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in environment.items():
            if name.startswith("INGEST_SOURCES_"):
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("COLUMNS", "200")

    def __call__(self, *arguments: str) -> str:
        result = self._invoke(*arguments)
        assert result.exit_code == 0, result.exception
        return result.output

    def refused(self, *arguments: str) -> str:
        """The error that a user sees as one line."""
        result = self._invoke(*arguments)
        assert isinstance(result.exception, HeadraceError), result.output
        return str(result.exception)

    def _invoke(self, *arguments: str) -> Result:
        return CliRunner().invoke(build_cli(), ["sources", *arguments])
