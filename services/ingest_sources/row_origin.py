"""Where the rows of a part come from, as their records say it."""

from dataclasses import dataclass

from headrace import raw


@dataclass(frozen=True)
class Origin:
    """Where rows come from.

    Attributes:
        file: its name as `shown` gives it, or the place that a connector names.
        received: microseconds UTC at which Headrace took it.
    """

    source: str
    file: str
    received: int

    def headers(self) -> list[tuple[str, bytes]]:
        """Those that all its records share."""
        return [
            (raw.RECEIVED, str(self.received).encode()),
            (raw.SOURCE, self.source.encode()),
            (raw.SOURCE_FILE, self.file.encode()),
        ]
