"""What a recommender is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.interactions.records import Attribute, UserFeatures
from headrace.recommend.policy import Policy


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    Attributes:
        user: what is known of the person; None for nobody we know.
        surface: where the answer is shown.
        count: items wanted.
        now: microseconds.
        about: the item that is looked at; what resembles it is asked for.
        exclude: items that aren't wanted.
        context: of the request, such as `age` in years.
        policy: what is recommended and how.
        seed: of what is left to chance: the same question with the same seed has the same answer.
    """

    user: UserFeatures | None
    surface: str
    count: int
    now: int
    policy: Policy
    seed: int
    about: str | None = None
    exclude: tuple[str, ...] = ()
    context: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecommendedItem:
    """One item of an answer.

    Attributes:
        score: the ranker's, with the business rules' boosts: log odds.
        source: whose candidate it is.
        explored: the place was given away, to learn.
        reasons: why it is here, in words, the most telling first.
        features: what it was ranked by, to six decimals, in the order of `headrace.recommend.ranking_features`.
    """

    item: str
    score: float
    source: str
    explored: bool
    reasons: tuple[str, ...]
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Recommended:
    """The answer.

    Attributes:
        items: the first place first.
        versions: model → version, such as `online` and `batch`.
        degraded: the parts that were away, such as `online`, `batch` or `user`.
    """

    items: tuple[RecommendedItem, ...]
    versions: Mapping[str, int]
    degraded: tuple[str, ...]
