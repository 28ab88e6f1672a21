"""The base of every service's settings: environment variables, checked at start, frozen, self-documenting."""

import os
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.errors import ConfigurationError

_PROJECT = Path(__file__).resolve().parents[2]
PLACEHOLDERS = frozenset({"changethis", "changeme", "secret", "password"})


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _refuse_placeholder(value: object) -> object:
    if isinstance(value, str) and value.lower() in PLACEHOLDERS:
        raise ValueError("is a placeholder; set a real secret")
    return value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Secret = Annotated[SecretStr, BeforeValidator(_refuse_placeholder)]


class ServiceSettings(BaseSettings):
    """Settings that every service has. A subclass sets `env_prefix` to its name in upper case and `_`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    brokers: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, comma-separated")
    http_host: str = Field("127.0.0.1", description="Address on which /healthz, /readyz and /metrics listen")
    http_port: int = Field(0, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 takes a free one")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged")

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Reads the environment.

        Raises:
            ConfigurationError: a value is wrong, or a variable with this service's prefix is not known.
        """
        _refuse_unknown(cls)
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise ConfigurationError(_explain(cls, error)) from None


def variables(cls: type[ServiceSettings]) -> dict[str, str]:
    """The environment variables of a settings class: name → description."""
    prefix = cls.model_config.get("env_prefix", "")
    return {f"{prefix}{name}".upper(): field.description or "" for name, field in cls.model_fields.items()}


def settings_table(cls: type[ServiceSettings]) -> str:
    """The Markdown table of a service's README."""
    prefix = cls.model_config.get("env_prefix", "")
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in cls.model_fields.items():
        default = "required" if field.is_required() else f"`{_shown(field.default)}`"
        rows.append(f"| `{prefix}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(str(part) for part in default)
    if isinstance(default, Path) and default.is_relative_to(_PROJECT):
        return str(default.relative_to(_PROJECT))
    return "" if default is None else str(default)


def _refuse_unknown(cls: type[ServiceSettings]) -> None:
    prefix = cls.model_config.get("env_prefix", "").upper()
    known = variables(cls)
    unknown = sorted(name for name in os.environ if prefix and name.startswith(prefix) and name not in known)
    if unknown:
        raise ConfigurationError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _explain(cls: type[ServiceSettings], error: ValidationError) -> str:
    prefix = cls.model_config.get("env_prefix", "")
    problems = []
    for item in error.errors():
        name = f"{prefix}{'_'.join(str(part) for part in item['loc'])}".upper()
        problems.append(f"{name}: {item['msg']} (see the table in the service's README)")
    return "; ".join(problems)
