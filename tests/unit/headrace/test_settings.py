"""Settings are checked at start, and an error names the variable and the way out."""

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from headrace.errors import ConfigurationError
from headrace.settings import CommaSeparated, Secret, ServiceSettings, settings_table


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SOME_SERVICE_")

    hosts: CommaSeparated = Field(("a",), description="Hosts")
    limit: int = Field(3, ge=1, description="A limit")
    password: Secret | None = Field(None, description="A password")


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_HOSTS", "h1, h2,")
    monkeypatch.setenv("SOME_SERVICE_LIMIT", "7")
    settings = Settings.load()
    assert (settings.hosts, settings.limit) == (("h1", "h2"), 7)


def test_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_LIMITS", "7")
    with pytest.raises(ConfigurationError, match=r"unknown setting SOME_SERVICE_LIMITS; known are .*_LIMIT"):
        Settings.load()


def test_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_LIMIT", "0")
    with pytest.raises(ConfigurationError, match="SOME_SERVICE_LIMIT: Input should be greater than or equal to 1"):
        Settings.load()


def test_placeholder_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_PASSWORD", "changethis")
    with pytest.raises(ConfigurationError, match=r"SOME_SERVICE_PASSWORD.*placeholder"):
        Settings.load()


def test_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_PASSWORD", "hunter2")
    assert "hunter2" not in repr(Settings.load())


def test_table_shows_every_variable() -> None:
    table = settings_table(Settings)
    assert "| `SOME_SERVICE_LIMIT` | `3` | A limit |" in table
    assert "| `SOME_SERVICE_BROKERS` | `127.0.0.1:9092` |" in table
