"""What the demo's screen shows of its model, as the process that asks it writes it into a file."""

from __future__ import annotations

from pathlib import Path

import msgspec


class VersionShown(msgspec.Struct):
    """One version of the model.

    `created` is when it was trained, µs since 1970; `error` its mean absolute error on the hold-out. `settled` are
    those answers whose outcome is known, `error_sum` the sum of their absolute errors, and `last_error_sum` what that
    would be if a meter's last value had been the answer.
    """

    number: int
    algorithm: str
    created: int
    rows: int
    error: float | None = None
    role: str = ""
    answers: int = 0
    settled: int = 0
    error_sum: float = 0.0
    last_error_sum: float = 0.0

    @property
    def answered_error(self) -> float | None:
        """Mean absolute error of what it answered."""
        return self.error_sum / self.settled if self.settled else None

    @property
    def last_error(self) -> float | None:
        """That of the last values instead."""
        return self.last_error_sum / self.settled if self.settled else None


class ModelShown(msgspec.Struct):
    """The model: what is done for it now, its versions in the order in which they answered, and how asking goes.

    `rate` is answers per second. `reasons` are what the gates said of each version that they let through, and
    `refused` what they said of the last one that they didn't. `swap` is which version took over from which.
    """

    name: str
    doing: str = ""
    rate: float = 0.0
    answers: int = 0
    failed: int = 0
    refused: str = ""
    swap: str = ""
    versions: list[VersionShown] = []
    reasons: dict[int, str] = {}


def write_state(path: Path, shown: ModelShown) -> None:
    """A reader finds the old one or the new one."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(shown))
    partial.replace(path)


def read_state(path: Path) -> ModelShown | None:
    """None where there is none yet."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelShown)
    except (OSError, msgspec.MsgspecError):
        return None
