"""The stack starts what it is asked for, says why where it cannot, and ends all of it and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import CheckFailed, StackError, StartFailed
from deploy.local.paths import PROJECT
from deploy.local.ports import Ports, variable
from deploy.local.probes import http_answers
from deploy.local.process import ProcessRecord
from deploy.local.stack import Stack
from deploy.local.temporary import end_abandoned, temporary_stack
from headrace.testing import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of this test alone, for what would disturb others."""
    with temporary_stack(tmp_path) as stack:
        yield stack


def test_stop_ends_everything_that_was_started_and_nothing_else(own_stack: Stack) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        own_stack.up("mosquitto", "prometheus")
        started = [own_stack.record(name) for name in ("mosquitto", "prometheus")]
        own_stack.stop()
        assert not any(record and record.is_alive() for record in started)
        assert own_stack.stopped() == list(own_stack.components)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_up_leaves_what_runs_as_it_is(own_stack: Stack) -> None:
    own_stack.up("mosquitto")
    first = own_stack.record("mosquitto")
    own_stack.up("mosquitto")
    assert own_stack.record("mosquitto") == first


def test_a_block_stops_what_it_started_and_leaves_what_ran_before(own_stack: Stack) -> None:
    own_stack.up("mosquitto")
    with own_stack.running("mosquitto", "prometheus"):
        assert own_stack.is_ready("prometheus")
    assert not own_stack.is_running("prometheus")
    assert own_stack.is_ready("mosquitto")


def test_variables_reach_the_one_component_they_are_for(tmp_path: Path) -> None:
    with temporary_stack(tmp_path, environment={"mosquitto": {"HEADRACE_TRIED": "always"}}) as stack:
        stack.up("mosquitto", "prometheus")
        assert variables(stack, "mosquitto")["HEADRACE_TRIED"] == "always"
        assert "HEADRACE_TRIED" not in variables(stack, "prometheus")
        stack.stop("mosquitto")
        stack.start("mosquitto", {"HEADRACE_TRIED": "once"})
        # The kernel shows no variables of a process for the moment in which its program is replaced.
        stack.wait_ready("mosquitto")
        assert variables(stack, "mosquitto")["HEADRACE_TRIED"] == "once"


def test_a_second_object_on_the_same_folder_finds_what_the_first_started(own_stack: Stack) -> None:
    own_stack.up("mosquitto")
    second = Stack(own_stack.layout.root, own_stack.ports)
    assert second.is_ready("mosquitto")
    second.stop("mosquitto")
    assert not own_stack.is_running("mosquitto")


def test_a_port_in_use_is_said_before_anything_starts(own_stack: Stack) -> None:
    port = own_stack.ports.mqtt
    with socket.create_server((own_stack.host, port)), pytest.raises(CheckFailed) as failed:
        own_stack.up("prometheus", "mosquitto")
    (line,) = failed.value.problems
    assert f"port {port} (mqtt) is in use by" in line
    assert f"(pid {os.getpid()})" in line
    assert not own_stack.is_running("prometheus")


def test_a_component_that_dies_at_its_start_shows_the_end_of_its_log(own_stack: Stack) -> None:
    data = own_stack.layout.data("mosquitto")
    data.mkdir(parents=True)
    (data / "mosquitto.db").write_bytes(b"no database of mosquitto's")
    with pytest.raises(StartFailed, match=r"mosquitto ended .*\n(.*\n)*.*persist"):
        own_stack.up("mosquitto")


def test_a_restart_keeps_the_data_and_a_wipe_deletes_them_only_when_all_is_stopped(own_stack: Stack) -> None:
    own_stack.up("prometheus")
    with pytest.raises(StackError, match="stop prometheus before"):
        own_stack.wipe()
    own_stack.kill("prometheus", signal.SIGTERM)
    assert any(own_stack.layout.data("prometheus").iterdir())
    own_stack.wipe()
    assert not own_stack.layout.data("prometheus").exists()


def test_an_owner_that_was_killed_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from deploy.local.temporary import temporary_stack\n"
        "with temporary_stack(pathlib.Path(sys.argv[1])) as stack:\n"
        "    stack.up('mosquitto')\n"
        "    print(stack.record('mosquitto').pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout is not None
        broker = ProcessRecord.of(int(owner.stdout.readline()))
        end_abandoned(tmp_path)
        assert broker.is_alive()
        owner.kill()
    end_abandoned(tmp_path)
    assert not broker.is_alive()
    assert not list(tmp_path.iterdir())


def test_the_command_line_starts_shows_and_stops(tmp_path: Path) -> None:
    try:
        assert "mosquitto ready after" in cli(tmp_path, "up", "mosquitto")
        assert "mosquitto runs" in cli(tmp_path, "up", "mosquitto")
        assert "yes" in row(cli(tmp_path, "status"), "mosquitto")
    finally:
        cli(tmp_path, "down")
    assert "stopped" in row(cli(tmp_path, "status"), "mosquitto")


def test_a_service_in_the_foreground_has_what_it_requires_until_ctrl_c(tmp_path: Path) -> None:
    port = environment(tmp_path)[variable("ingest_mqtt")]
    arguments = [sys.executable, "-m", "deploy.local", "run", "ingest_mqtt"]
    running = subprocess.Popen(arguments, env=environment(tmp_path), cwd=PROJECT, start_new_session=True)
    try:
        wait_until(lambda: http_answers(f"http://127.0.0.1:{port}/readyz"), "the service", timeout=60)
        assert all("yes" in row(cli(tmp_path, "status"), name) for name in ("kafka", "mosquitto"))
    finally:
        os.killpg(running.pid, signal.SIGINT)
        status = running.wait(60)
    assert status == 0
    stopped = cli(tmp_path, "status")
    assert all("stopped" in row(stopped, name) for name in ("kafka", "mosquitto"))


def test_following_a_log_shows_what_is_added(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "mosquitto.log"
    log.parent.mkdir()
    log.write_text("before\n")
    arguments = [sys.executable, "-m", "deploy.local", "logs", "mosquitto", "-f"]
    with subprocess.Popen(arguments, env=environment(tmp_path), cwd=PROJECT, stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == b"before\n"
        with log.open("a") as opened:
            opened.write("added\n")
        assert follower.stdout.readline() == b"added\n"
        follower.terminate()


def variables(stack: Stack, name: str) -> dict[str, str]:
    record = stack.record(name)
    assert record is not None
    return psutil.Process(record.pid).environ()


_PORTS = Ports.free()


def environment(root: Path) -> dict[str, str]:
    ports = {variable(name): str(getattr(_PORTS, name)) for name in Ports.names()}
    return {**os.environ, **ports, "HEADRACE_ROOT": str(root), "COLUMNS": "120"}


def cli(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local", *arguments],
        env=environment(root),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(table: str, component: str) -> str:
    (line,) = (line for line in table.splitlines() if f" {component} " in line)
    return line
