"""Clients in a file, and requests with their keys, as the API sees them."""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import yaml
from fastapi import Request

from serve_api.clients.client import Client
from serve_api.principal import Principal

SECRET = "a-secret-of-the-shop-of-32-characters"  # noqa: S105 - of the tests alone


def new_key() -> str:
    return f"hrk_{secrets.token_hex(16)}"


def entry(name: str, key: str, kind: str = "server", **fields: Any) -> dict[str, Any]:
    """A client of a file that may ask a hundred times a second."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"name": name, "kind": kind, "keys": [digest], "scopes": ["events"], "rate": 100, **fields}


def write_clients(folder: Path, *entries: dict[str, Any]) -> Path:
    """The file, in place of the one before."""
    path = folder / "clients.yaml"
    path.write_text(yaml.safe_dump({"clients": list(entries)}))
    path.chmod(0o600)
    return path


def write_secret(folder: Path, *lines: str, name: str = "shop.secret", mode: int = 0o600) -> str:
    """A file with the keys of users' tokens; its name."""
    path = folder / name
    path.write_text("\n".join(lines))
    path.chmod(mode)
    return name


def request(headers: Mapping[str, str] | None = None, path: str = "/v1/events", address: str = "192.0.2.1") -> Request:
    sent = [(name.lower().encode(), value.encode()) for name, value in {"host": "api", **(headers or {})}.items()]
    scope = {
        "type": "http",
        "path": path,
        "headers": sent,
        "client": (address, 5),
        "query_string": b"",
        "root_path": "",
    }
    return Request({**scope, "method": "POST", "scheme": "http", "server": ("api", 80)})


def token(user: object = "42", now: float = 0.0, key: str = SECRET, **claims: Any) -> str:
    """A token of a user, signed at a time in epoch seconds."""
    content = {"sub": user, "aud": "headrace", "iat": int(now), "exp": int(now) + 600, **claims}
    return jwt.encode({name: value for name, value in content.items() if value is not None}, key, algorithm="HS256")


def principal_of(client: Client) -> Principal:
    return Principal(client.site or "default", client.scopes, client)
