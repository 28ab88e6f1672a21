"""What can be replayed: services register their topologies by an entry point, so that the library imports none."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points

from headrace.errors import ConfigurationError
from headrace.streams.topology import Topology
from headrace.streams.versions import as_replay, outer_inputs, replay_names, with_version

GROUP = "headrace.topologies"
"""Entry points: name of the service → function of the brokers that gives a `Replayable`."""
OnFailure = Callable[[BaseException], None]


@dataclass(frozen=True)
class Replayable:
    """A service whose history can be replayed.

    Args:
        topology: of no version; its name is the live consumer group.
        version: that the service runs with, by its settings.
        setting: the environment variable that holds the version.
        running: gives what the rules need beside the topology, such as a catalog, started; at the exit it stops. Told
            of anything after which the rules can't go on.
    """

    topology: Topology
    version: str
    setting: str
    running: Callable[[OnFailure], AbstractContextManager[object]]

    def inputs(self) -> tuple[str, ...]:
        """The topics by which it is found."""
        return outer_inputs(self.topology)


@dataclass(frozen=True)
class Replay:
    """A service's replay of one name, and where it is.

    Attributes:
        topology: what the replay runs.
        live: what the service's workers run now.
        names: live topic → topic of the replay, of outputs, internal topics and dead letters.
    """

    brokers: str
    service: Replayable
    name: str

    @property
    def topology(self) -> Topology:
        return as_replay(self.service.topology, self.name)

    @property
    def live(self) -> Topology:
        return with_version(self.service.topology, self.service.version)

    @property
    def names(self) -> dict[str, str]:
        return replay_names(self.service.topology, self.name)

    @property
    def copied(self) -> dict[str, str]:
        """Those of `names` that a switch copies: all but the internal topics."""
        return {live: own for live, own in self.names.items() if own not in self.topology.inputs()}

    @property
    def changelogs(self) -> dict[str, str]:
        """Changelog that the workers have now → that of the replay."""
        stages = zip(self.live.stages, self.topology.stages, strict=True)
        return {live.changelog: own.changelog for live, own in stages}


def find_replayable(topic: str, brokers: str) -> Replayable:
    """The installed service that reads a topic.

    Raises:
        ConfigurationError: there is none, or its settings are wrong.
    """
    known: list[str] = []
    for service in _installed(brokers):
        if topic in service.inputs():
            return service
        known += service.inputs()
    raise ConfigurationError(
        f"no installed service has rules for topic {topic}; topics with rules: {', '.join(sorted(known)) or 'none'}"
    )


def _installed(brokers: str) -> Iterator[Replayable]:
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            build: Callable[[str], Replayable] = entry.load()
        except ModuleNotFoundError:
            # The service is not installed here: its extra is missing.
            continue
        yield build(brokers)
