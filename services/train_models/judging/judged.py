"""All that is said of a trained model: the numbers of its report, its card and its manifest."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headrace.models.manifest import Bins, Task
from headrace.models.records import Value
from train_models.judging.fold_summary import Summary
from train_models.judging.importance import Importance
from train_models.judging.intervals import Interval
from train_models.judging.paired_tests import PairedTest
from train_models.judging.reliability import ReliabilityBin
from train_models.judging.slices import Slice


@dataclass(frozen=True)
class JudgedCandidate:
    """One candidate over the outer folds.

    Attributes:
        summary: of its scores as the folds gave them, decisions at 0.5: the same for all candidates.
        against_chosen: the chosen less this one, by the model's metric; None of the chosen itself.
    """

    name: str
    algorithm: str
    params: Mapping[str, Value]
    is_baseline: bool
    is_chosen: bool
    seconds: float
    summary: Mapping[str, Summary]
    against_chosen: PairedTest | None


@dataclass(frozen=True)
class Judged:
    """What judging found; NaN where the rows don't tell.

    Attributes:
        metric: by which candidates were compared.
        base: mean of the target: share of positives of a classification.
        candidates: the chosen first, then by the metric, the baselines among them.
        over_folds: of the chosen: ranking and probabilities as the folds gave them, decisions at the model's threshold.
        hold_out: of the chosen, with 95 % intervals.
        baselines: each baseline's metrics on the same hold-out, at the same threshold.
        against_baselines: baseline → tests of the chosen less it, on the hold-out.
        slices: the worst first, those too small last.
        importance: on development rows, the greatest first.
        reliability: of the hold-out; empty for a regression.
        reference: input, and `score`, → how it was spread over the development rows, scores out of fold.
        typical: input → median or most frequent value.
        caveats: what a reader must know before use, in words.
        hold_out_clusters: groups of hold-out rows that hang together; None where each row stands for itself.
    """

    task: Task
    metric: str
    threshold: float | None
    calibration: str | None
    development_rows: int
    hold_out_rows: int
    base: float
    candidates: tuple[JudgedCandidate, ...]
    over_folds: Mapping[str, Summary]
    hold_out: Mapping[str, Interval]
    baselines: Mapping[str, Mapping[str, Interval]]
    against_baselines: Mapping[str, tuple[PairedTest, ...]]
    slices: tuple[Slice, ...]
    importance: tuple[Importance, ...]
    reliability: tuple[ReliabilityBin, ...]
    calibration_error: float
    reference: Mapping[str, Bins]
    typical: Mapping[str, Value]
    caveats: tuple[str, ...]
    hold_out_clusters: int | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """As a manifest has them: `cv_<metric>_mean|_std`, `hold_out_<metric>`, `hold_out_<metric>_low|_high`.

        Without those that the rows don't tell, since JSON has no NaN.
        """
        found: dict[str, float] = {}
        for name, summary in self.over_folds.items():
            found |= {f"cv_{name}_mean": summary.mean, f"cv_{name}_std": summary.deviation}
        for name, interval in self.hold_out.items():
            found[f"hold_out_{name}"] = interval.value
            found |= {f"hold_out_{name}_low": interval.low, f"hold_out_{name}_high": interval.high}
        return {name: value for name, value in found.items() if np.isfinite(value)}
