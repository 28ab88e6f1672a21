"""River's half-space trees on a reading and its change."""

from collections.abc import Hashable, Iterator
from math import isfinite, nan
from struct import Struct
from typing import Protocol, cast

from river import anomaly

from process_readings.detect.detector import Verdict
from process_readings.detect.robust_level import RobustLevel

_WINDOW = 250
"""Readings after which the trees' masses are taken anew; a mass fits a byte."""
_HEAD = Struct("<QdH")


class _Node(Protocol):
    """A node: readings that came by in the last whole window and in the present one."""

    r_mass: int
    l_mass: int


class _Trees(Protocol):
    """What is used of River's model, which has no annotations."""

    trees: list[_Node]
    counter: int
    _first_window: bool

    def score_one(self, x: dict[str, float]) -> float: ...

    def learn_one(self, x: dict[str, float]) -> None: ...


class HalfSpaceTrees:
    """River's half-space trees over (value, change from the reading before), with limits that are fixed beforehand.

    The trees' score is near 0 where readings are many and near 1 where they are few, and what is usual differs from
    series to series, so it is judged by a robust level of itself: an anomaly is a score far above its own usual value.

    Trees: S. C. Tan, K. M. Ting, T. F. Liu, "Fast Anomaly Detection for Streaming Data" (IJCAI 2011).

    Args:
        low: least possible value; readings below count as this.
        high: greatest possible value; readings above count as this.
        threshold: spreads of the score above its usual value.
        trees, height: size of the model; the state is about 2 ** (height + 1) * trees numbers.
        seed: of the trees' random cuts, so that a replay gives equal scores.
    """

    family = "half_space_trees"
    version = "half_space_trees/1"

    def __init__(
        self, low: float, high: float, threshold: float = 8.0, trees: int = 10, height: int = 6, seed: int = 1
    ) -> None:
        if not low < high:
            raise ValueError(f"low {low} must be below high {high}: the trees cut this range")
        self._low, self._high = float(low), float(high)
        width = self._high - self._low
        limits: dict[Hashable, tuple[float, float]] = {"value": (self._low, self._high), "change": (-width, width)}
        model = anomaly.HalfSpaceTrees(n_trees=trees, height=height, window_size=_WINDOW, limits=limits, seed=seed)
        self._trees = cast(_Trees, model)
        self._usual = RobustLevel(threshold)
        self._learned = 0
        self._last: float | None = None

    def score_one(self, value: float, time_us: int) -> Verdict | None:
        """Spreads of the trees' score above its usual value, 0 below it; None until the trees know what is usual."""
        # River's score is 0 for all in its first window.
        if not isfinite(value) or self._learned < _WINDOW:
            return None
        rarity = self._rarity(value)
        verdict = self._usual.score_one(rarity, time_us)
        if verdict is None or verdict.expected is None:
            return None
        score = verdict.score if rarity > verdict.expected else 0.0
        is_anomaly = verdict.is_anomaly and score > 0.0
        reason = (
            f"{value:.6g} is where readings are rare: {score:.3g} spreads above the usual rarity" if is_anomaly else ""
        )
        return Verdict(score, verdict.threshold, is_anomaly, reason, None)

    def learn_one(self, value: float, time_us: int) -> None:
        """Takes a reading into the trees and its score into what is usual."""
        if not isfinite(value):
            return
        if self._learned >= _WINDOW:
            self._usual.learn_one(self._rarity(value), time_us)
        self._trees.learn_one(self._features(value))
        self._learned += 1
        self._last = self._within(value)

    def observe(self, value: float, time_us: int) -> Verdict | None:
        """`score_one`, then `learn_one`."""
        verdict = self.score_one(value, time_us)
        self.learn_one(value, time_us)
        return verdict

    def heed(self, steps: int) -> None:
        """Moves the threshold by 15 % a step."""
        self._usual.heed(steps)

    def state(self) -> bytes:
        """About 110 bytes, and two for each leaf of each tree: 1.4 kB by default.

        The trees' cuts follow from the seed, and what passed an inner node is what came to its leaves.
        """
        last = nan if self._last is None else self._last
        usual = self._usual.state()
        leaves = [leaf for tree in self._trees.trees for leaf in _leaves(tree)]
        masses = bytes(leaf.r_mass for leaf in leaves) + bytes(leaf.l_mass for leaf in leaves)
        return _HEAD.pack(self._learned, last, len(usual)) + usual + masses

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave.

        Raises:
            ValueError: it is no state of this version and size of the model.
        """
        if len(state) < _HEAD.size:
            raise ValueError(f"{len(state)} bytes are no state of {self.version}")
        learned, last, size = _HEAD.unpack_from(state)
        self._usual.restore(state[_HEAD.size : _HEAD.size + size])
        masses = state[_HEAD.size + size :]
        if learned:
            # Any reading makes River build the trees; its mass is written over.
            self._trees.learn_one(self._features(last))
        leaves = [leaf for tree in self._trees.trees for leaf in _leaves(tree)]
        if len(masses) != 2 * len(leaves):
            raise ValueError(f"{len(masses)} masses are no state of {len(leaves)} leaves")
        for leaf, r_mass, l_mass in zip(leaves, masses[: len(leaves)], masses[len(leaves) :], strict=True):
            leaf.r_mass, leaf.l_mass = r_mass, l_mass
        for tree in self._trees.trees:
            _add_up(tree)
        self._trees.counter = learned % _WINDOW
        self._trees._first_window = learned < _WINDOW
        self._learned = learned
        self._last = None if last != last else last

    def _within(self, value: float) -> float:
        return min(max(value, self._low), self._high)

    def _features(self, value: float) -> dict[str, float]:
        within = self._within(value)
        return {"value": within, "change": within - (within if self._last is None else self._last)}

    def _rarity(self, value: float) -> float:
        return self._trees.score_one(self._features(value))


def _leaves(node: _Node) -> Iterator[_Node]:
    children = getattr(node, "children", None)
    if children is None:
        yield node
        return
    for child in children:
        yield from _leaves(child)


def _add_up(node: _Node) -> tuple[int, int]:
    """Gives each inner node the masses of its leaves."""
    children = getattr(node, "children", None)
    if children is not None:
        masses = [_add_up(child) for child in children]
        node.r_mass, node.l_mass = sum(r for r, _ in masses), sum(n for _, n in masses)
    return node.r_mass, node.l_mass
