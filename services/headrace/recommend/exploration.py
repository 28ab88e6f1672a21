"""Which place of an answer is given away to learn, and whose candidate gets it: Thompson sampling over the sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from headrace.interactions.records import Arm, RecommenderModel
from headrace.recommend.policy import Exploration, SourceName

_UNKNOWN = Arm("", 1.0, 1.0)
_IN_NO_ORDER: frozenset[SourceName] = frozenset({"fresh"})
"""Sources whose order says nothing of what is better for the person."""


def explored_place(exploration: Exploration, random: Random, count: int) -> int | None:
    """The place that is given away in an answer of `count` items, None in most."""
    if not exploration.rate or count <= exploration.first_place or random.random() >= exploration.rate:
        return None
    return random.randrange(exploration.first_place, count)


def chosen_source(
    exploration: Exploration,
    model: RecommenderModel | None,
    candidates: Mapping[SourceName, Sequence[int]],
    random: Random,
) -> SourceName | None:
    """The source with the highest draw from its Beta distribution, of those that have a candidate; None if none has.

    An arm that nothing is known of is as likely to be anywhere (Thompson 1933; Chapelle and Li 2011).
    """
    arms = {arm.source: arm for arm in model.arms} if model is not None else {}
    drawn = [
        (random.betavariate(arm.successes, arm.failures), name)
        for name in exploration.sources
        if candidates.get(name)
        for arm in (arms.get(name, _UNKNOWN),)
    ]
    return max(drawn)[1] if drawn else None


def chosen_candidate(source: SourceName, candidates: Sequence[int], random: Random) -> int:
    """The source's best candidate, or any of those of new items, so that each of them is got to know."""
    return random.choice(candidates) if source in _IN_NO_ORDER else candidates[0]
