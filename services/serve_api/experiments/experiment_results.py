"""Results of experiments from what is followed; computed when asked for, and again only when something changed."""

from collections.abc import Callable, Sequence

from headrace.clock import Clock
from headrace.experiments.experiments import Experiments
from headrace.experiments.judge import judge
from headrace.experiments.results import Results
from headrace.interactions.records import ExperimentTotals
from serve_api.problems import not_found, unavailable

_LOOK_US = 60_000_000
"""An experiment ends by the clock, so results without new sums are computed anew after so long."""


class ExperimentResults:
    """Any thread may ask.

    Args:
        totals: the sums now, with a version that grows when they change; None while they aren't read yet.
        failure: what ended their following, if something did.
    """

    def __init__(
        self,
        experiments: Experiments,
        totals: Callable[[], tuple[int, Sequence[ExperimentTotals]] | None],
        failure: Callable[[], str | None],
        clock: Clock,
    ) -> None:
        self._experiments = experiments
        self._totals = totals
        self.failure = failure
        self._clock = clock
        self._found: tuple[tuple[int, int], dict[str, Results]] | None = None

    def of_site(self, site: str) -> list[Results]:
        """Of all experiments of a site, in order of their names.

        Raises:
            Problem: the sums weren't read yet.
        """
        found = self._all()
        return [found[each.name] for each in self._experiments.of_site(site)]

    def of(self, site: str, name: str) -> Results:
        """Of one experiment.

        Raises:
            Problem: the site has none of that name, or the sums weren't read yet.
        """
        experiment = self._experiments.get(name)
        if experiment is None or experiment.target.site != site:
            raise not_found(f"there is no experiment {name}", "see /v1/experiments for those that there are")
        return self._all()[name]

    def known(self) -> list[Results]:
        """Of all experiments of all sites; none while the sums aren't read yet."""
        return [] if self._totals() is None else list(self._all().values())

    def _all(self) -> dict[str, Results]:
        read = self._totals()
        if read is None:
            raise unavailable("the sums of experiments are being read")
        version, totals = read
        now = self._clock.now_us()
        key = (version, now // _LOOK_US)
        if self._found is None or self._found[0] != key:
            self._found = key, {each.name: judge(each, totals, now) for each in self._experiments}
        return self._found[1]
