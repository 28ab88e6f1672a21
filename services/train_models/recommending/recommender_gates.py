"""Whether a recommender may become the champion: pure rules on ranks of the same cases."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from train_models.recommending.cases import Cases
from train_models.recommending.comparison import POPULARITY
from train_models.recommending.ranking_metrics import LABELS, mean, paired_test
from train_models.recommending.ranks import Ranks
from train_models.recommending.recommender_file import Metric, RecommenderGates
from train_models.registry.gates import Gate, Verdict

FEWEST_PEOPLE = 50
"""Percentiles of a bootstrap over fewer are too narrow."""


@dataclass(frozen=True)
class Judged:
    """What is to be judged, on the same cases.

    Attributes:
        cases: that none of them was fitted on.
        champion: None where no version stands.
        other: what the champion is called.
    """

    cases: Cases
    candidate: Ranks
    baselines: dict[str, Ranks]
    champion: Ranks | None = None
    other: str = ""


def recommender_verdict(gates: RecommenderGates, judged: Judged) -> Verdict:
    """Better than the champion, or than popularity where there is none.

    Decayed popularity is told and decides nothing: it is a source of its own that the ranker mixes in, and shows
    everybody the same few items, where this one is for what is each person's own.
    """
    return Verdict(tuple(_gates(gates, judged)))


def _gates(gates: RecommenderGates, judged: Judged) -> Iterator[Gate]:
    other = POPULARITY if judged.champion is None else judged.other
    people = len(np.unique(judged.cases.people))
    if people < FEWEST_PEOPLE:
        problem = (
            f"{len(judged.cases):,} cases of {people:,} persons that both have not seen; {FEWEST_PEOPLE} persons are "
            "needed: train again when more was done"
        )
        yield Gate(f"better than {other}", False, problem)
        return
    for metric, wanted in gates.least.items():
        value = _value(metric, judged.candidate)
        yield Gate(f"least {metric}", value >= wanted, f"{value:.4f}, wanted {wanted:g}")
    against = judged.baselines if judged.champion is None else {other: judged.champion, **judged.baselines}
    for name, ranks in against.items():
        yield _compared(gates, judged, name, ranks, decides=name == other)


def _compared(gates: RecommenderGates, judged: Judged, name: str, ranks: Ranks, *, decides: bool) -> Gate:
    test = paired_test(gates.metric, judged.candidate, ranks, judged.cases.people)
    own, before = mean(gates.metric, judged.candidate), mean(gates.metric, ranks)
    detail = (
        f"{LABELS[gates.metric]} {own:.4f} against {before:.4f} on {len(judged.cases):,} cases: {test.difference:+.4f} "
        f"[{test.low:+.4f}, {test.high:+.4f}], p = {test.p_value:.3g}"
    )
    return Gate(f"better than {name}", test.is_better(gates.alpha) if decides else None, detail)


def _value(metric: Metric, ranks: Ranks) -> float:
    return ranks.coverage if metric == "coverage" else mean(metric, ranks)
