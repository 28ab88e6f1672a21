"""The sums of one task of the stage, as they are kept in its state and published."""

from collections.abc import Iterable

import msgspec

from headrace.experiments.accumulators import plus
from headrace.experiments.parts import Change
from headrace.interactions.records import ExperimentTotals, Sums


class ArmTotals(msgspec.Struct, array_like=True):
    """The sums of one arm of one revision."""

    revision: int
    enrolled: int = 0
    metrics: dict[str, Sums] = {}


class TaskTotals:
    """The totals of each arm that a task knows of; the newest revision of an experiment counts."""

    def __init__(self) -> None:
        self._arms: dict[tuple[str, str], ArmTotals] = {}
        self._changed: set[tuple[str, str]] = set()

    def apply(self, changes: Iterable[Change]) -> None:
        """Adds changes; those of an older revision than what is there are of people who don't count any more."""
        for change in changes:
            key = (change.experiment, change.arm)
            totals = self._arms.get(key)
            if totals is None or totals.revision < change.revision:
                totals = self._arms[key] = ArmTotals(change.revision)
            if totals.revision == change.revision:
                totals.enrolled += change.enrolled
                for name, sums in change.sums.items():
                    totals.metrics[name] = plus(totals.metrics.get(name, Sums()), sums)
                self._changed.add(key)

    def take_changed(self) -> list[tuple[str, str]]:
        """(Experiment, arm) of what changed since the last call, in order."""
        changed = sorted(self._changed)
        self._changed.clear()
        return changed

    def cell(self, experiment: str, arm: str) -> bytes:
        """An arm's totals as bytes, for `restore`."""
        return msgspec.json.encode(self._arms[experiment, arm])

    def restore(self, experiment: str, arm: str, content: bytes) -> None:
        """Puts back what `cell` gave."""
        self._arms[experiment, arm] = msgspec.json.decode(content, type=ArmTotals)

    def record(self, site: str, experiment: str, arm: str, partition: int, now: int) -> ExperimentTotals:
        """An arm's totals as they are published under `key_of`."""
        totals = self._arms[experiment, arm]
        return ExperimentTotals(
            site, experiment, totals.revision, arm, partition, now, totals.enrolled, dict(totals.metrics)
        )

    def arms(self) -> list[tuple[str, str]]:
        """(Experiment, arm) of all that is known, in order."""
        return sorted(self._arms)


def key_of(experiment: str, arm: str, partition: int) -> bytes:
    """The key of a record in `experiments.totals`."""
    return f"{experiment}/{arm}/{partition}".encode()
