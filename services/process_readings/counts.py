"""What the rules did, as plain numbers that `metrics.py` exports."""

from collections import Counter
from dataclasses import dataclass, field

from headrace.records import FeedbackVerdict
from process_readings.feedback import Fate


@dataclass(slots=True)
class Counts:
    """Totals since the start of the process; the keys of the counters are bounded sets.

    Attributes:
        records: raw records taken.
        readings: readings decoded; each is one of clean, late, repeats, retained and untracked.
        repeats: readings that were there already, fed to nothing.
        retained: retained replays without a time of their own, fed to nothing.
        untracked: readings of a device with more metrics than are followed; written to readings.clean all the same.
        windows, revisions, finals: windows emitted first, again, and for the last time.
    """

    records: int = 0
    readings: int = 0
    clean: int = 0
    late: int = 0
    repeats: int = 0
    retained: int = 0
    untracked: int = 0
    windows: int = 0
    revisions: int = 0
    finals: int = 0
    devices: int = 0
    anomalies: Counter[str] = field(default_factory=Counter)
    """By detector family."""
    dead_letters: Counter[str] = field(default_factory=Counter)
    """By reason."""
    flags: Counter[str] = field(default_factory=Counter)
    """By flag, of clean and late readings."""
    feedback: Counter[tuple[FeedbackVerdict, Fate]] = field(default_factory=Counter)
    """By what was said of an anomaly and what became of that."""
