"""What the services export follows one scheme, so that rules and dashboards need no exceptions."""

from __future__ import annotations

import re

import httpx
import pytest

from deploy.local.scrape import scrape
from deploy.local.stack import SERVICES, Stack

pytestmark = [pytest.mark.integration]

BOUNDED = {
    *("service", "topic", "partition", "reason", "stage", "table", "le"),
    *("qos", "name", "outcome", "fate", "verdict", "emission", "detector", "flag"),
    *("method", "route", "status", "stream", "kind", "source", "flow", "rule"),
    *("model", "role", "decision", "variant", "metric", "input"),
    *("surface", "arm", "experiment", "part", "step", "end", "site", "client"),
}
_NAME = re.compile(r"headrace(_[a-z0-9]+)+")


@pytest.mark.parametrize("service", SERVICES)
def test_names_and_labels_follow_the_scheme(pipeline: Stack, service: str) -> None:
    httpx.get(f"{pipeline.url('serve_api')}/v1/devices", timeout=10).raise_for_status()
    samples = scrape(pipeline.url(service))
    assert samples is not None
    own = {name: found for name, found in samples.values.items() if name.startswith("headrace")}
    assert own and all(_NAME.fullmatch(name) for name in own)
    labels = [labels for found in own.values() for labels, _ in found]
    # The bridge of people is told apart from that of devices.
    assert {each.get("service") for each in labels} - {f"{service}_personal"} == {service}
    assert {label for each in labels for label in each} <= BOUNDED
    assert samples.total("process_resident_memory_bytes") > 0
