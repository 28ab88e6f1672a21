"""What the rules did, as plain numbers that `metrics.py` exports."""

from collections import Counter
from dataclasses import dataclass, field

from headrace.models.swap import Fate
from process_predictions.online.series import Judged

_KEPT = 0.999
_MOST = 1e50
ModelVariant = tuple[str, str]

BINS = (0.01, 0.02, 0.05, 0.1, 0.2, 1.0)
"""Upper ends of the bins in which probabilities are compared to what came."""


@dataclass(slots=True)
class Quality:
    """Prequential figures of a variant over all series of this process, beside a forecast without a model.

    Errors of means are in units of each series' own usual change, since series differ in theirs; none counts as more
    than 1e50 of them, so that no outcome makes the sums infinite.

    Attributes:
        outcomes: predictions whose outcome is known.
        first, base_first: sums of absolute errors, or of log losses.
        squared, base_squared: sums of squared errors, or of Brier scores.
        late_first, late_base: means of `first` and `base_first` of late, each outcome weighing 0.999 of the next.
        predicted, came: by bin of the probability, sums of probabilities and of what came.
    """

    outcomes: int = 0
    first: float = 0.0
    base_first: float = 0.0
    squared: float = 0.0
    base_squared: float = 0.0
    late_first: float = 0.0
    late_base: float = 0.0
    is_of_probabilities: bool = False
    predicted: dict[float, float] = field(default_factory=lambda: dict.fromkeys(BINS, 0.0))
    came: dict[float, float] = field(default_factory=lambda: dict.fromkeys(BINS, 0.0))

    def take(self, judged: Judged) -> None:
        """Takes the outcome of one prediction."""
        unit, loss = judged.unit, judged.loss
        first, base = min(loss.first / unit, _MOST), min(loss.base_first / unit, _MOST)
        self.outcomes += 1
        self.first += first
        self.base_first += base
        self.squared += min(loss.squared / unit**2, _MOST**2)
        self.base_squared += min(loss.base_squared / unit**2, _MOST**2)
        weight = max(1.0 - _KEPT, 1.0 / self.outcomes)
        self.late_first += weight * (first - self.late_first)
        self.late_base += weight * (base - self.late_base)
        if judged.model.predicts == "unusual":
            end = next((end for end in BINS if judged.score <= end), BINS[-1])
            self.is_of_probabilities = True
            self.predicted[end] += judged.score
            self.came[end] += judged.label


@dataclass(slots=True)
class OnlineCounts:
    """Totals since the start of the process.

    Attributes:
        windows: final windows taken; `passed_over` are those that came again or out of order, `out_of_range` those
            without readings, or with values beyond ±1e100.
        periods: that closed, over all series.
    """

    windows: int = 0
    passed_over: int = 0
    out_of_range: int = 0
    periods: int = 0
    quality: dict[ModelVariant, Quality] = field(default_factory=dict)
    dead_letters: Counter[str] = field(default_factory=Counter)
    """By reason."""

    def note(self, judged: Judged) -> None:
        """Takes the outcome of one prediction."""
        self.quality.setdefault((judged.model.name, judged.variant.name), Quality()).take(judged)


@dataclass(slots=True)
class ScoringCounts:
    """Totals since the start of the process.

    Attributes:
        rows: by model, role: rows that were scored.
        dead_letters: by reason.
        loads: by model and what became of it, loads of promoted versions.
    """

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    loads: Counter[tuple[str, Fate]] = field(default_factory=Counter)

    def note_load(self, model: str, fate: Fate) -> None:
        """Takes what became of a load."""
        self.loads[model, fate] += 1
