"""What the rules did, as plain numbers that `metrics.py` exports."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from headrace.interactions.records import Exposure

Fate = Literal["taken", "duplicate", "flagged", "without_consent", "outdated", "erased"]
AnswerFate = Literal["opened", "duplicate", "flagged", "without_consent", "outdated", "erased"]
ExposureKey = tuple[str, str, str]
"""Surface, source and arm: `experiment/arm`, or empty for whoever is in no experiment."""
_MOST_EXPOSURE_KEYS = 1_000
_OTHER = "other"


@dataclass(slots=True)
class SubjectCounts:
    """Totals since the start of the process.

    Attributes:
        interactions: by kind and what became of them.
        answers: by what became of them.
        flags: subjects that were found to be no people, and found to be people again.
        sessions: that began; `final_sessions` those that ended.
        exposures, seen, clicks, carts, purchases: by surface, source and arm; one of a person in two experiments
            counts in both arms.
        rewards: sums of rewards by the same.
        dropped_answers: open answers of who was erased, flagged, or withdrew consent; `early_answers` were closed
            before their window's end, as their subject had too many.
        erasures: subjects that were erased; `forgotten` those that went since they did nothing for long.
        dead_letters: by reason.
    """

    interactions: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    answers: Counter[AnswerFate] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    final_sessions: int = 0
    exposures: Counter[ExposureKey] = field(default_factory=Counter)
    seen: Counter[ExposureKey] = field(default_factory=Counter)
    clicks: Counter[ExposureKey] = field(default_factory=Counter)
    carts: Counter[ExposureKey] = field(default_factory=Counter)
    purchases: Counter[ExposureKey] = field(default_factory=Counter)
    rewards: dict[ExposureKey, float] = field(default_factory=dict)
    dropped_answers: int = 0
    early_answers: int = 0
    erasures: int = 0
    forgotten: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)

    def note_exposure(self, exposure: Exposure) -> None:
        """Counts one, in every arm of its person."""
        arms = [f"{experiment}/{arm}" for experiment, arm in exposure.arms.items()] or [""]
        for arm in arms:
            key = (exposure.surface, exposure.source, arm)
            if key not in self.exposures and len(self.exposures) >= _MOST_EXPOSURE_KEYS:
                key = (_OTHER, _OTHER, _OTHER)
            self.exposures[key] += 1
            self.seen[key] += exposure.seen is not None
            self.clicks[key] += exposure.clicked
            self.carts[key] += exposure.carted
            self.purchases[key] += exposure.bought
            self.rewards[key] = self.rewards.get(key, 0.0) + exposure.reward
