"""What exploration brought and cost: a bandit over the sources, and rewards of places kept and given away."""

from __future__ import annotations

import msgspec

from headrace.interactions.records import Arm, Exposure

_PLACES = 100
_MOST = 10_000
"""Places of an arm; then what came of them counts half, so that a source that changes is found out."""


class ExplorationState(msgspec.Struct, array_like=True):
    """All that was learned."""

    arms: tuple[Arm, ...]
    kept: list[tuple[int, float]]
    explored: list[tuple[int, float]]


class ExplorationLearning:
    """A Beta distribution for each source, from (1, 1) on; who serves draws from them.

    They are two counts each: River's own would bring a second of imports and 50 MB of SciPy.

    O. Chapelle, L. Li, "An Empirical Evaluation of Thompson Sampling" (2011).

    Rewards are compared place by place, since a lower place has less of them whatever is there.
    """

    def __init__(self) -> None:
        self._arms: dict[str, tuple[int, int]] = {}
        self._kept: list[tuple[int, float]] = []
        self._explored: list[tuple[int, float]] = []

    def learn(self, exposure: Exposure) -> None:
        """Takes what came of an item."""
        rewarded = exposure.reward > 0 or exposure.clicked
        if exposure.explored:
            self._explore(exposure.source, rewarded)
        place = min(max(exposure.position, 0), _PLACES - 1)
        sums = self._explored if exposure.explored else self._kept
        while len(sums) <= place:
            sums.append((0, 0.0))
        count, reward = sums[place]
        sums[place] = (count + 1, reward + exposure.reward)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Source → its Beta distribution, by name."""
        return tuple(Arm(name, float(alpha), float(beta)) for name, (alpha, beta) in sorted(self._arms.items()))

    @property
    def explored(self) -> int:
        """Places that were given away."""
        return sum(count for count, _ in self._explored)

    @property
    def cost(self) -> float:
        """Reward a place kept, less that of one given away, over the places as often as each was given away."""
        lost, places = 0.0, 0
        for (count, reward), (kept, kept_reward) in zip(self._explored, self._kept, strict=False):
            if count and kept:
                lost += count * (kept_reward / kept - reward / count)
                places += count
        return lost / places if places else 0.0

    def state(self) -> ExplorationState:
        """What a snapshot holds."""
        return ExplorationState(self.arms, list(self._kept), list(self._explored))

    def restore(self, state: ExplorationState) -> None:
        """Takes a snapshot."""
        self._kept, self._explored = list(state.kept), list(state.explored)
        self._arms = {arm.source: (int(arm.successes), int(arm.failures)) for arm in state.arms}

    def _explore(self, source: str, rewarded: bool) -> None:
        alpha, beta = self._arms.get(source, (1, 1))
        alpha, beta = (alpha + 1, beta) if rewarded else (alpha, beta + 1)
        if alpha + beta > _MOST:
            alpha, beta = max(alpha // 2, 1), max(beta // 2, 1)
        self._arms[source] = alpha, beta
