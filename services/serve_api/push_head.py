"""What the headers of a push say, checked before anything of its body is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message

from headrace.pushed import BodyType
from serve_api.problems import Fault, Problem, invalid

_ID = re.compile(r"[!-\-/-~]{1,256}")
"""Visible ASCII without the full stop, at which the signed parts are joined."""
_SECONDS = re.compile(r"[0-9]{1,12}")
_TYPES = {
    **{kind.value: kind for kind in BodyType},
    "application/ndjson": BodyType.NDJSON,
    "application/jsonl": BodyType.NDJSON,
}


@dataclass(frozen=True)
class PushHead:
    """Attributes:
    timestamp: epoch seconds, as the sender wrote and signed it.
    signatures: separated by spaces.
    """

    id: str
    timestamp: str
    signatures: str
    content_type: BodyType


def read_head(headers: Mapping[str, str], now_us: int, tolerance_s: float) -> PushHead:
    """The headers of a push.

    Args:
        headers: by names in any case, as starlette's.

    Raises:
        Problem: they are not as they have to be.
    """
    content_type = _body_type(headers)
    push_id, timestamp, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (push_id and timestamp and signatures):
        raise not_signed("webhook-id, webhook-timestamp and webhook-signature are needed, by Standard Webhooks")
    if not _ID.fullmatch(push_id):
        problem = "it is not 1 to 256 visible ASCII characters without a full stop"
        raise invalid(Fault("webhook-id", problem, "send such an id, the same each time that you send this body"))
    if not _SECONDS.fullmatch(timestamp) or abs(int(timestamp) - now_us / 1_000_000) > tolerance_s:
        raise not_signed(f"webhook-timestamp is not within {tolerance_s:.0f} s of now, in epoch seconds")
    return PushHead(push_id, timestamp, signatures, content_type)


def not_signed(what: str) -> Problem:
    """The request does not show who sent it."""
    return Problem(401, "not-signed", "Not signed", what, headers={"WWW-Authenticate": "StandardWebhooks"})


def _body_type(headers: Mapping[str, str]) -> BodyType:
    sent = Message()
    sent["content-type"] = headers.get("content-type", "")
    found = _TYPES.get(sent.get_content_type()) if headers.get("content-type") else None
    if found is None:
        raise _unsupported(f"content-type is none of {', '.join(_TYPES)}")
    if found is not BodyType.CSV and sent.get_content_charset("utf-8") not in ("utf-8", "utf8", "us-ascii"):
        raise _unsupported("JSON is exchanged as UTF-8 (RFC 8259, section 8.1)")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _unsupported("content-encoding: send the body as it is, not packed")
    return found


def _unsupported(what: str) -> Problem:
    return Problem(415, "unsupported-type", "Unsupported Media Type", what)
