"""Registers process_readings for `headrace replay` (entry point `headrace.topologies`)."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.errors import ConfigurationError
from headrace.records import Device
from headrace.replay.replayable import OnFailure, Replayable
from process_readings.device_catalog import DeviceCatalog
from process_readings.settings import Settings
from process_readings.topology import readings_rules, readings_topology

CATALOG_TIMEOUT_S = 60.0


class _StartedLater:
    """The catalog that the rules ask, which is read only when a replay runs."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers
        self._catalog: DeviceCatalog | None = None

    def get(self, site: str, device: str) -> Device | None:
        if self._catalog is None:
            raise ConfigurationError("the rules of process_readings need the catalog of devices, which is not started")
        return self._catalog.get(site, device)

    @contextmanager
    def running(self, on_failure: OnFailure) -> Iterator[None]:
        self._catalog = DeviceCatalog(self._brokers, on_failure)
        self._catalog.start(CATALOG_TIMEOUT_S)
        try:
            yield
        finally:
            self._catalog.stop()


def replayable(brokers: str) -> Replayable:
    """The topology of process_readings by its settings, but for the brokers."""
    settings = Settings.load(brokers=brokers)
    catalog = _StartedLater(brokers)
    topology = readings_topology(settings.group, readings_rules(settings, catalog.get))
    return Replayable(topology, settings.version, "PROCESS_READINGS_VERSION", catalog.running)
