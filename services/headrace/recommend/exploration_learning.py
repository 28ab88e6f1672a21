"""What exploration brought and cost: River's bandit over the sources, and rewards of places kept and given away."""

from __future__ import annotations

import msgspec
from river import proba

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
    """`river.bandit.ThompsonSampling` over Beta distributions, an arm a source; who serves draws from them.

    Rewards are compared place by place, since a lower place has less of them whatever is there.
    """

    def __init__(self) -> None:
        self._arms: dict[str, proba.Beta] = {}
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
        return tuple(Arm(name, float(beta.alpha), float(beta.beta)) for name, beta in sorted(self._arms.items()))

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
        for arm in state.arms:
            beta = self._arm(arm.source)
            beta.alpha, beta.beta = int(arm.successes), int(arm.failures)

    def _explore(self, source: str, rewarded: bool) -> None:
        arm = self._arm(source)
        arm.update(rewarded)  # type: ignore[no-untyped-call]  # River's
        if arm.alpha + arm.beta > _MOST:
            arm.alpha, arm.beta = max(arm.alpha // 2, 1), max(arm.beta // 2, 1)

    def _arm(self, source: str) -> proba.Beta:
        if source not in self._arms:
            self._arms[source] = proba.Beta(1, 1)
        return self._arms[source]
