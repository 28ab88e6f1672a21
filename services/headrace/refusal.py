"""A record that can never be written."""

from dataclasses import dataclass

from headrace.errors import TerminalError
from headrace.streams.batch import Batch


@dataclass(frozen=True)
class Refusal:
    """Record number `index` of `batch`, and why it can never be written as it is."""

    batch: Batch
    index: int
    error: TerminalError
