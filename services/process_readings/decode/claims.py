"""What a payload says about which device it is of: it may repeat the topic's device, never replace it."""

from collections.abc import Iterable
from typing import Any

from headrace.errors import Reason, TerminalError


def check_claim(body: dict[str, Any], names: Iterable[str], device: str) -> None:
    """Takes device ids out of the body; the first must be the device's.

    Only text and whole numbers are ids; anything else under such a name stays.

    Raises:
        TerminalError: it is another device's.
    """
    first = True
    for name in names:
        if body.get(name).__class__ in (str, int):
            claim = str(body.pop(name))
            if first and claim != device:
                raise mismatch(claim, device)
            first = False


def mismatch(claim: str, device: str) -> TerminalError:
    """The error of a payload that is of another device than its topic."""
    return TerminalError(Reason.DEVICE_MISMATCH, f"the payload is of {claim[:200]!r}, its topic of {device[:200]!r}")
