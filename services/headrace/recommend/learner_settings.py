"""How the online model learns."""

from dataclasses import dataclass

from headrace.recommend.half_lives import DAY, HALF_LIVES


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """Changing any of these makes what was learned before void: replay the lessons.

    Attributes:
        half_lives: of the counts of items, microseconds.
        pair_half_life: of how often two items go together, microseconds, at least 30 days.
        pair_gap_half_life: what goes together less the longer a person took from one to the other, microseconds.
        pair_reach: items before this one that it goes with.
        pairs_kept: pairs of an item; when there are a quarter more, the weakest go.
        neighbours: of an item that are published.
        shrinkage: people; pairs of few count less.
        items_kept: items in all; when there are a twentieth more, the least lively go.
        dimensions: of each of an item's two factors; 0 for no factors.
        factor_rate, factor_l2: of gradient descent and of its penalty.
        negatives: items that didn't follow, learned beside each that did.
        ranker_rate: of AdaGrad, for the weights.
        place_rate: the same for the intercept and the places, which nothing is known of at first.
        ranker_inertia: squared gradients that the first weights count for.
        ranker_l2: pull to the first weights, for each answer of which something was turned to.
        positions: places whose bias is learned apart; later ones share the last.
    """

    half_lives: tuple[float, ...] = HALF_LIVES
    pair_half_life: float = 180.0 * DAY
    pair_gap_half_life: float = 10.0 * DAY
    pair_reach: int = 15
    pairs_kept: int = 200
    neighbours: int = 50
    shrinkage: float = 2.0
    items_kept: int = 200_000
    dimensions: int = 16
    factor_rate: float = 0.05
    factor_l2: float = 0.001
    negatives: int = 2
    ranker_rate: float = 0.2
    place_rate: float = 0.2
    ranker_inertia: float = 1.0
    ranker_l2: float = 1e-6
    positions: int = 20

    @property
    def reach(self) -> int:
        """Items before an interaction that are looked at: one more than it goes with, as it may be one of them."""
        return self.pair_reach + 1
