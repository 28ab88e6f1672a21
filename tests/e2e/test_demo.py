"""`make demo` brings data into Cassandra within 90 s and has a model trained on them, which answers and is swapped.

Ctrl-C ends what it started and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from deploy.local.demo_figures import Gatherer
from deploy.local.demo_model_state import ModelShown, read_state
from deploy.local.demo_models import state_file
from deploy.local.demo_shop import address
from deploy.local.demo_shop import state_file as shop_state_file
from deploy.local.demo_shop_state import ArmShown
from deploy.local.demo_shop_state import read_state as read_shop_state
from deploy.local.paths import PROJECT
from deploy.local.ports import Ports, variable
from deploy.local.process import ProcessRecord
from deploy.local.scrape import get
from deploy.local.stack import SERVICES, Stack
from headrace.testing import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(720)]

KINDS = {"table", "api", "queue", "topic", "file"}
_FIRST_DATA = re.compile(r"first data in Cassandra (\d+\.\d) s after the command")


@pytest.fixture
def running_before(tmp_path: Path) -> Iterator[Stack]:
    """A stack of which somebody has started the broker already."""
    with Stack(tmp_path / "run", Ports.free()) as stack:
        stack.up("mosquitto")
        stack.ports.save(stack.layout.root / "ports.json")
        yield stack


def test_shows_data_within_90_s_and_ctrl_c_ends_only_what_it_started(running_before: Stack, tmp_path: Path) -> None:
    output = tmp_path / "output"
    ports = {variable(name): str(port) for name, port in asdict(running_before.ports).items()}
    environment = {**os.environ, **ports, "HEADRACE_ROOT": str(running_before.layout.root)}
    environment["PYTHONPATH"] = os.pathsep.join((str(PROJECT), str(PROJECT / "services")))
    command = [sys.executable, "-m", "deploy.local", "demo", "--faults", "0.01"]
    with output.open("w") as file, subprocess.Popen(command, env=environment, stdout=file, stderr=file) as demo:
        try:
            found = wait_until(lambda: _first_data(demo, output), "data in Cassandra", 180)
            wait_until(lambda: 'reason="' in _metrics(running_before), "a dead letter of the fleet", 60, every=0.5)
            assert all(_passed_on(running_before).values()), _passed_on(running_before)
            wait_until(lambda: _kinds_stored(running_before) == KINDS, "a device of each kind of source", 60, every=0.5)
            _check_shop(running_before)
            _check_model(running_before)
            demo.send_signal(signal.SIGINT)
            assert demo.wait(60) == 0, output.read_text()
        finally:
            demo.terminate()
    assert found and float(found.group(1)) < 90
    assert "ended by Ctrl-C" in output.read_text()
    assert [name for name in running_before.components if running_before.is_running(name)] == ["mosquitto"]
    assert _left_behind(running_before) == {"mosquitto"}


def _check_shop(stack: Stack) -> None:
    """The page is there, people shop, and their clicks are counted by arm."""
    assert b"Recommended for you" in (get(address(stack)) or b"")

    def arms() -> dict[str, ArmShown]:
        found = read_shop_state(shop_state_file(stack.layout))
        return {name: arm for name, arm in found.arms.items() if arm.clicked} if found else {}

    wait_until(lambda: len(arms()) == 2, "clicks in both arms", 180, every=0.5)


def _check_model(stack: Stack) -> None:
    """A first version answers and its outcomes are known; a second takes over, or the gates say why it doesn't."""

    def settled() -> ModelShown | None:
        found = read_state(state_file(stack.layout))
        return found if found and any(version.settled for version in found.versions) else None

    def tried_better() -> ModelShown | None:
        found = settled()
        return found if found and (found.swap or found.refused) else None

    first = wait_until(settled, "outcomes of a first version's answers", 240, every=0.5)
    assert first is not None
    assert [(each.number, each.role, each.algorithm) for each in first.versions] == [(1, "champion", "ridge")]
    after = wait_until(tried_better, "a second version", 240, every=0.5)
    assert after is not None
    assert after.failed == 0
    if after.swap:
        assert after.swap == "version 1 → 2"
        assert {version.role for version in after.versions} == {"before", "champion"}
    else:
        assert "better than version 1 failed" in after.refused


def _first_data(demo: subprocess.Popen[bytes], output: Path) -> re.Match[str] | None:
    if demo.poll() is not None:
        pytest.fail(f"the demo ended by itself:\n{output.read_text()}")
    return _FIRST_DATA.search(output.read_text())


def _passed_on(stack: Stack) -> dict[str, float]:
    """What the demo shows as having gone out of each service that data pass."""
    gatherer = Gatherer({name: stack.url(name) for name in SERVICES})
    try:
        return {f.stage.service: f.total_out for f in gatherer.gather().stages if f.stage.service != "serve_api"}
    finally:
        gatherer.close()


def _kinds_stored(stack: Stack) -> set[str]:
    """The kinds of sources of which the API has a device: the demo names a device KIND/NAME."""
    body = get(f"{stack.url('serve_api')}/v1/devices?limit=1000")
    devices = [item["device"] for item in json.loads(body)["items"]] if body else []
    return {device.split("/")[0] for device in devices if "/" in device}


def _metrics(stack: Stack) -> str:
    return (get(f"{stack.url('process_readings')}/metrics") or b"").decode()


def _left_behind(stack: Stack) -> set[str]:
    records = {path.stem: ProcessRecord.read(path) for path in stack.layout.records()}
    return {name for name, record in records.items() if record and record.is_alive()}
