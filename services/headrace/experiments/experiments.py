"""The experiments of a folder: who is in which arm of each, and what recommendations are made with there."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headrace.errors import ConfigurationError
from headrace.experiments.assignment import arm_of, place_of
from headrace.experiments.experiment import Experiment

Policy = dict[str, Any]


class _Running:
    """What of a running experiment is asked with every request."""

    __slots__ = (
        "_end",
        "_first",
        "_last",
        "_needs_consent",
        "_salt",
        "_shares",
        "_site",
        "_start",
        "_surfaces",
        "_traffic",
        "name",
    )

    def __init__(self, experiment: Experiment) -> None:
        target = experiment.target
        self.name = experiment.name
        self._salt = experiment.salt
        self._shares = experiment.shares()
        self._site = target.site
        self._surfaces = frozenset(target.surfaces)
        self._start, self._end = experiment.start_us, experiment.end_us
        self._needs_consent = target.consent
        self._first, self._last = target.traffic
        self._traffic = experiment.salt if target.layer is None else f"layer {target.layer}"

    def is_for(self, site: str, surface: str, now: int, consent: bool) -> bool:
        return (
            site == self._site
            and (not self._surfaces or surface in self._surfaces)
            and (consent or not self._needs_consent)
            and self._start <= now
            and (self._end is None or now < self._end)
        )

    def has(self, subject: str) -> bool:
        if self._first == 0 and self._last == 1:
            return True
        # No arm has a name with a space, so nobody's arm goes by this place.
        return self._first <= place_of(self._traffic, "the traffic", subject) < self._last

    def arm_of(self, subject: str) -> str:
        return arm_of(self._salt, subject, self._shares)


class Experiments:
    """Looked up by name; in the order of their names.

    Raises:
        ConfigurationError: two that a person may be in at once set the same part of the policy, or overlap in a layer.
    """

    def __init__(self, experiments: Iterable[Experiment] = ()) -> None:
        self._by_name = {each.name: each for each in sorted(experiments, key=lambda each: each.name)}
        _check_pairs(list(self._by_name.values()))
        self._running = [_Running(each) for each in self if each.state == "running"]

    def __iter__(self) -> Iterator[Experiment]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> Experiment | None:
        return self._by_name.get(name)

    def of_site(self, site: str) -> list[Experiment]:
        return [each for each in self if each.target.site == site]

    def arms_of(self, site: str, subject: str, surface: str, now: int, consent: bool = True) -> dict[str, str]:
        """Experiment → arm of a person, for those that run there now.

        Args:
            now: microseconds UTC.
            consent: whether the person lets us personalise.
        """
        return {
            each.name: each.arm_of(subject)
            for each in self._running
            if each.is_for(site, surface, now, consent) and each.has(subject)
        }

    def overrides_of(self, name: str, arm: str) -> Policy:
        """The parts of the policy that an arm sets; none for the holdout, an unknown arm or an unknown experiment."""
        experiment = self._by_name.get(name)
        spec = None if experiment is None else experiment.arms.get(arm)
        return {} if spec is None else spec.policy

    def overrides(self, arms: Mapping[str, str]) -> Policy:
        """The parts of the policy that all of a person's arms set together, deep, as `arms_of` gave them."""
        merged: Policy = {}
        for name in sorted(arms):
            merged = merge(merged, self.overrides_of(name, arms[name]))
        return merged


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Policy:
    """`base` with what `over` sets; mappings in both are merged, all else is replaced."""
    merged = dict(base)
    for name, value in over.items():
        before = merged.get(name)
        merged[name] = merge(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged


def _check_pairs(found: list[Experiment]) -> None:
    active = [each for each in found if each.state != "ended"]
    for index, one in enumerate(active):
        for other in active[index + 1 :]:
            _check_pair(one, other)


def _check_pair(one: Experiment, other: Experiment) -> None:
    first, second = one.target, other.target
    if first.site != second.site:
        return
    if first.layer is not None and first.layer == second.layer:
        if first.traffic[0] < second.traffic[1] and second.traffic[0] < first.traffic[1]:
            raise ConfigurationError(
                f"experiments {one.name} and {other.name} overlap in layer {first.layer}: give them parts of its "
                "traffic that don't, such as [0, 0.5] and [0.5, 1]"
            )
        return
    if first.surfaces and second.surfaces and not set(first.surfaces) & set(second.surfaces):
        return
    if both := _leaves(one) & _leaves(other):
        raise ConfigurationError(
            f"experiments {one.name} and {other.name} both set {', '.join(sorted(both))} for the same people: put them "
            "into one layer, with parts of its traffic that don't overlap"
        )


def _leaves(each: Experiment) -> set[str]:
    return set().union(*(arm.leaves() for arm in each.arms.values()))
