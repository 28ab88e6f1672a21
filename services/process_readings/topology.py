"""What process_readings reads, writes and remembers, as a topology."""

from headrace.streams.topology import Stage, Topology
from headrace.streams.versions import with_version
from process_readings.device_types import load_device_types
from process_readings.outputs import ANOMALIES, CLEAN, LATE_READINGS, REGISTRY, WINDOWS
from process_readings.pipeline import ReadingRules
from process_readings.registry import Catalog
from process_readings.settings import Settings
from process_readings.take_feedback import FEEDBACK

INPUT = "readings.raw"
CHANGELOG = "process_readings.changelog"


def readings_rules(settings: Settings, catalog: Catalog) -> ReadingRules:
    """The rules as the settings have them, in a worker and in a replay."""
    return ReadingRules(
        load_device_types(settings.device_types),
        catalog,
        settings.future_tolerance_s,
        settings.idle_after_s,
        forget_after_s=settings.forget_after_s,
    )


def readings_topology(group: str, rules: ReadingRules, version: str = "") -> Topology:
    """One stage: raw records and what is said of anomalies in; readings, windows, anomalies and devices out.

    Args:
        version: of the state; the name of the replay that made it.
    """
    outputs = (CLEAN, LATE_READINGS, WINDOWS, ANOMALIES, REGISTRY)
    return with_version(Topology(group, (Stage("readings", (INPUT, FEEDBACK), rules, outputs, CHANGELOG),)), version)
