"""What this process knows of a subject besides its stored records: its features, and its arms in experiments."""

from headrace.clock import Clock
from headrace.experiments.experiments import Experiments
from headrace.interactions.records import UserFeatures
from serve_api.recommendations.users import Users


class Known:
    """Lives on the event loop."""

    def __init__(self, users: Users, experiments: Experiments, clock: Clock) -> None:
        self._users = users
        self._experiments = experiments
        self._clock = clock

    def features(self, site: str, subject: str) -> UserFeatures | None:
        """What recommendations go by, or None: nothing is known."""
        return self._users.get(site, subject)

    def arms(self, site: str, subject: str) -> dict[str, str]:
        """The arms in all experiments that run now, on whatever surface."""
        now, found = self._clock.now_us(), dict[str, str]()
        for experiment in self._experiments.of_site(site):
            surface = next(iter(experiment.target.surfaces), "")
            found |= self._experiments.arms_of(site, subject, surface, now)
        return found
