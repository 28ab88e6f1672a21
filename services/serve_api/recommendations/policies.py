"""The policy of an answer: of its surface, with what the person's experiments and the request change of it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from headrace.errors import ConfigurationError
from headrace.experiments.experiments import Experiments
from headrace.recommend.policy import Exploration, Policies, Policy

_KEPT = 2_000
"""Combinations of surface, arms, way and category; each takes 0.2 ms to be made and checked."""
_NEWEST: dict[str, Any] = {"sources": {"fresh": 1_000}, "exploration": Exploration(rate=0.0)}
_NO_CATEGORY = "\0"
"""None that an item has: a request must not widen what a surface is limited to."""

Way = Literal["personal", "impersonal", "similar", "trending"]
_OTHERS: dict[Way, Mapping[str, Any]] = {
    "personal": {},
    # What nothing need be known of anybody for.
    "impersonal": {"sources": {"trending": 200, "fresh": 100}, "exploration": {"rate": 0.0}},
    "trending": {"sources": {"trending": 300, "fresh": 100}, "exploration": {"rate": 0.0}},
    "similar": {"sources": {"together": 200, "content": 200}, "exploration": {"rate": 0.0}},
}


class AnswerPolicies:
    """Each is made once.

    Args:
        policies: as in deploy/recommendations.yaml.
        experiments: whose arms may change them.

    Raises:
        ConfigurationError: an arm sets something that the policy doesn't have.
    """

    def __init__(self, policies: Policies, experiments: Experiments) -> None:
        self._policies = policies
        self._experiments = experiments
        self._kept = lru_cache(_KEPT)(self._made)
        for experiment in experiments:
            for arm, spec in experiment.arms.items():
                for surface in ("default", *policies.surfaces):
                    _check(policies, surface, f"{experiment.name}, arm {arm}", spec.policy)

    def of(self, surface: str, way: Way, arms: Mapping[str, str], category: str | None) -> Policy:
        """The policy of one answer."""
        return self._kept(self.label(surface), way, tuple(arms.items()), category)

    def newest_of(self, policy: Policy) -> Policy:
        """A policy with nothing but the newest items for candidates."""
        return policy.model_copy(update=_NEWEST)

    def label(self, surface: str) -> str:
        """The surface if it has a policy of its own, or `default`."""
        return surface if surface in self._policies.surfaces else "default"

    def labels(self) -> tuple[str, ...]:
        """All that `label` may give."""
        return ("default", *self._policies.surfaces)

    def _made(self, surface: str, way: Way, arms: tuple[tuple[str, str], ...], category: str | None) -> Policy:
        policy = self._policies.of(surface, self._experiments.overrides(dict(arms)))
        others = dict(_OTHERS[way])
        if category is not None:
            allowed = policy.filters.only_categories
            others["filters"] = {"only_categories": [category if not allowed or category in allowed else _NO_CATEGORY]}
        return policy.changed(others) if others else policy


def _check(policies: Policies, surface: str, where: str, overrides: Mapping[str, Any]) -> None:
    try:
        policies.of(surface, overrides)
    except ConfigurationError as error:
        raise ConfigurationError(f"experiment {where}, on surface {surface}: {error}") from error
