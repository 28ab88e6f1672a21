"""The file of clients: YAML with names, hashes of keys, scopes and rates."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from headrace.errors import ConfigurationError
from headrace.secret_files import read_private
from serve_api.clients.client import Client, ClientKind
from serve_api.clients.rate_limit import RateLimit
from serve_api.clients.scopes import BROWSER_SCOPES, Scope
from serve_api.clients.token_bucket import Rate
from serve_api.clients.user_tokens import UserTokens

_MAX_BYTES = 1_000_000
_LEAST_SECRET = 32
_MOST_RATE = 1_000_000
_FORM = ConfigDict(extra="forbid", frozen=True)

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.\-]+(:[0-9]{1,5})?$")]


class RateEntry(BaseModel):
    """How often."""

    model_config = _FORM

    rate: Annotated[float, Field(gt=0, le=_MOST_RATE)]
    burst: Annotated[float | None, Field(ge=1, le=_MOST_RATE)] = None

    def limit(self) -> Rate:
        """A burst that isn't given is what comes in two seconds."""
        return Rate(self.rate, max(1.0, 2 * self.rate) if self.burst is None else self.burst)


class ClientEntry(RateEntry):
    """One client."""

    name: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_-]{0,39}$")]
    kind: ClientKind
    keys: Annotated[list[Digest], Field(min_length=1, max_length=8)]
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    site: Annotated[str, StringConstraints(pattern="^[^/]{1,64}$")] | None = None
    origins: frozenset[Origin] = frozenset()
    per_address: RateEntry | None = None
    user_tokens: Path | None = None

    @model_validator(mode="after")
    def _check_browser(self) -> Self:
        if self.kind == "browser":
            if self.scopes - BROWSER_SCOPES:
                wrong = ", ".join(sorted(self.scopes - BROWSER_SCOPES))
                raise ValueError(f"everybody can read a browser's key, so it can't have the scope {wrong}")
        elif self.origins or self.per_address:
            raise ValueError("origins and per_address are of clients of kind browser")
        return self


class ClientList(BaseModel):
    """The file."""

    model_config = _FORM

    clients: list[ClientEntry]

    @model_validator(mode="after")
    def _check_unique(self) -> Self:
        for what, values in (
            ("name", [client.name for client in self.clients]),
            ("key", [key for client in self.clients for key in client.keys]),
        ):
            twice = [value for value, count in Counter(values).items() if count > 1]
            if twice:
                raise ValueError(f"the {what} {twice[0]} is there twice")
        return self


def read_clients(path: Path, now: float) -> tuple[dict[bytes, Client], list[Path]]:
    """The clients by the SHA-256 of their keys, and the files that were read.

    Args:
        now: of a monotonic clock, at which their rates begin.

    Raises:
        ConfigurationError: a file can't be read, is wrong, or others may change it.
    """
    entries = _read(path)
    clients: dict[bytes, Client] = {}
    for entry in entries:
        client = _client(entry, path.parent, now)
        clients.update((bytes.fromhex(key), client) for key in entry.keys)
    return clients, [path, *(path.parent / entry.user_tokens for entry in entries if entry.user_tokens is not None)]


def _read(path: Path) -> list[ClientEntry]:
    try:
        if path.stat().st_mode & 0o022:
            raise ConfigurationError(f"clients {path} may be changed by others than its owner: chmod go-w it")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ConfigurationError(f"clients {path} has over {_MAX_BYTES:,} bytes")
        return ClientList.model_validate(yaml.safe_load(content)).clients
    except OSError as error:
        raise ConfigurationError(f"clients {path} can't be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"clients {path} is no YAML: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"clients {path}: {_explain(error)}") from None


def _client(entry: ClientEntry, folder: Path, now: float) -> Client:
    limit = RateLimit(entry.limit(), entry.per_address.limit() if entry.per_address else None, now)
    tokens = None if entry.user_tokens is None else _tokens(folder / entry.user_tokens)
    return Client(entry.name, entry.kind, entry.scopes, entry.site, entry.origins, limit, tokens)


def _tokens(path: Path) -> UserTokens:
    keys = [line.strip().encode() for line in read_private(path, "key of users' tokens").splitlines() if line.strip()]
    if not keys or min(map(len, keys)) < _LEAST_SECRET:
        raise ConfigurationError(f"key of users' tokens {path}: a line has {_LEAST_SECRET} characters or more")
    return UserTokens(keys)


def _explain(error: ValidationError) -> str:
    # Without the input, which could be a key that somebody put there instead of its hash.
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(map(str, item["loc"])) or "the file"
        problems.append(f"{where}: {str(item['msg']).removeprefix('Value error, ')}")
    return "; ".join(problems)
