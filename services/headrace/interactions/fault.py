"""What is wrong with a field of an event or an item that somebody sent."""

from collections.abc import Iterable
from typing import NamedTuple

from headrace.errors import Reason, TerminalError


class FieldFault(NamedTuple):
    """One field: its name, what is wrong with it, and what to send instead."""

    name: str
    problem: str
    mend: str


class Refused(TerminalError):
    """It can never be taken as it is.

    Args:
        faults: every field that is wrong.
    """

    def __init__(self, faults: Iterable[FieldFault]) -> None:
        self.faults = tuple(faults)
        detail = "; ".join(f"{fault.name}: {fault.problem}; {fault.mend}" for fault in self.faults)
        super().__init__(Reason.INVALID_RECORD, detail)
