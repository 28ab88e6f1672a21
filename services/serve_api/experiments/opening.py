"""Builds what a process has for the results of experiments."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.clock import Clock
from headrace.experiments.experiments import Experiments
from serve_api.experiments.experiment_results import ExperimentResults
from serve_api.experiments.followed_totals import FollowedTotals
from serve_api.experiments.metrics import ExperimentMetrics


@contextmanager
def followed_experiments(
    brokers: str, experiments: Experiments, metrics: ExperimentMetrics, clock: Clock
) -> Iterator[ExperimentResults]:
    """Follows the sums until the block ends."""
    totals = FollowedTotals(brokers)
    results = ExperimentResults(experiments, totals.read, totals.failure, clock)
    metrics.watch(results.known)
    totals.start()
    try:
        yield results
    finally:
        totals.stop()
