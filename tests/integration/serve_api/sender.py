"""A sender of pushes, as any program that signs by Standard Webhooks; it shares no code with the service."""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx

TIMEOUT_S = 20.0
JSON = "application/json"


@dataclass
class Sender:
    """Sends to one source of one API.

    Attributes:
        keys: the folder in which the source's file of keys is.
    """

    url: str
    keys: Path
    source: str = field(default_factory=lambda: f"pushed_{uuid4().hex[:8]}")
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    timeout_s: float = TIMEOUT_S

    def allow(self, *others: bytes) -> None:
        """Writes the source's keys: its own, and others before."""
        path = self.keys / self.source
        path.touch(mode=0o600)
        path.write_text("".join(f"whsec_{base64.b64encode(key).decode()}\n" for key in (*others, self.secret)))

    def headers(self, body: bytes, push_id: str, content_type: str = JSON, at_s: float | None = None) -> dict[str, str]:
        """What a push is sent with; `at_s` is now unless given."""
        timestamp = str(int(time.time() if at_s is None else at_s))
        signed = f"{push_id}.{timestamp}.".encode() + body
        signature = base64.b64encode(hmac.digest(self.secret, signed, hashlib.sha256)).decode()
        return {
            "content-type": content_type,
            "webhook-id": push_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }

    def push(self, body: bytes, push_id: str = "", content_type: str = JSON, **changes: str) -> httpx.Response:
        """Sends a body; `changes` are headers by names with underscores."""
        headers = self.headers(body, push_id or uuid4().hex, content_type)
        headers.update({name.replace("_", "-"): value for name, value in changes.items()})
        return self.post(body, headers)

    def post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Sends a body as it is told."""
        return httpx.post(f"{self.url}/v1/ingest/{self.source}", content=body, headers=headers, timeout=self.timeout_s)
