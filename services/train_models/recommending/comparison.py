"""Every candidate tried, the best chosen, and all of them judged once on the newest interactions."""

from dataclasses import dataclass

from headrace.recommend.batch_model import BatchModel
from train_models.choice.progress import Progress
from train_models.recommending.cases import Cases, cases_of, split_at
from train_models.recommending.fit import Params, combinations, fit, learnable
from train_models.recommending.interactions import Interactions
from train_models.recommending.popularity import decayed_popularity, popularity
from train_models.recommending.ranking_metrics import mean
from train_models.recommending.ranks import Ranks, ranks_of_model, ranks_of_scores
from train_models.recommending.recommender_file import Candidate, RecommenderFile, title_of

POPULARITY, DECAYED = "popularity", "decayed popularity"


@dataclass(frozen=True)
class Tried:
    """A candidate with its best parameters.

    Attributes:
        chosen_by: the gates' metric on the cases that choose.
        items: of the model that was judged.
        judged: on the hold-out.
    """

    name: str
    algorithm: str
    params: Params
    chosen_by: float
    items: int
    judged: Ranks


@dataclass(frozen=True)
class Comparison:
    """All candidates, the best first, beside what needs no model.

    Attributes:
        fitted_until: microseconds UTC: everything before it was learned, the rest judges.
        hold_out: the cases that judge.
        model: of the first candidate, as it is served.
        chosen_on: cases that chose.
    """

    tried: tuple[Tried, ...]
    baselines: dict[str, Ranks]
    hold_out: Cases
    model: BatchModel
    fitted_until: int
    chosen_on: int

    @property
    def chosen(self) -> Tried:
        return self.tried[0]


def compared(past: Interactions, model: RecommenderFile, progress: Progress) -> Comparison:
    """Chooses on one part of the time, and judges on a newer one what was fitted on all before it.

    Raises:
        ConfigurationError: too few items have persons enough.
    """
    split, metric = model.validation, model.gates.metric
    judged_from = split_at(past, split.hold_out)
    chosen_from = split_at(past.until(max(1, judged_from)), split.choice)
    choosing = cases_of(past, chosen_from, judged_from, split.cases, split.seed)
    judging = cases_of(past, judged_from, len(past), split.cases, split.seed)
    total = sum(len(list(combinations(each))) for each in model.candidates)
    progress.start(total, "candidates")
    best: list[tuple[float, Candidate, Params]] = []
    for candidate in model.candidates:
        items = learnable(past.until(chosen_from), candidate)
        found: list[tuple[float, Params]] = []
        for params in combinations(candidate):
            ranks = ranks_of_model(fit(items, candidate, params, split.seed), past.items, choosing)
            found.append((mean(metric, ranks), params))
            highest = max(value for value, _ in (*found, *((value, params) for value, _, params in best)))
            progress.advance(f"{title_of(candidate)} {metric} {found[-1][0]:.4f}", highest)
        value, params = max(found, key=lambda each: each[0])
        best.append((value, candidate, params))
    best.sort(key=lambda each: -each[0])
    return _judged(past, model, best, judging, judged_from, len(choosing), progress)


def baselines_of(past: Interactions, cases: Cases, until: int, half_life_days: float) -> dict[str, Ranks]:
    """What needs no model, of the first so many interactions."""
    before = past.until(until)
    return {
        POPULARITY: ranks_of_scores(popularity(before, cases.known), cases),
        DECAYED: ranks_of_scores(decayed_popularity(before, cases.known, half_life_days), cases),
    }


def _judged(
    past: Interactions,
    model: RecommenderFile,
    best: list[tuple[float, Candidate, Params]],
    judging: Cases,
    judged_from: int,
    chosen_on: int,
    progress: Progress,
) -> Comparison:
    progress.start(len(best), "judging")
    tried = []
    served: BatchModel | None = None
    for value, candidate, params in best:
        items = learnable(past.until(judged_from), candidate)
        fitted = fit(items, candidate, params, model.validation.seed)
        served = served or fitted
        ranks = ranks_of_model(fitted, past.items, judging)
        name, count = title_of(candidate), len(fitted.items)
        tried.append(Tried(name, candidate.algorithm, params, value, count, ranks))
        progress.advance(f"{name} {mean(model.gates.metric, ranks):.4f}", None)
    assert served is not None  # noqa: S101 - a file has a candidate
    baselines = baselines_of(past, judging, judged_from, model.half_life_days)
    return Comparison(tuple(tried), baselines, judging, served, int(past.times[judged_from]), chosen_on)
