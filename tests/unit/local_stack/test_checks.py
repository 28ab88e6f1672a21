"""The pre-flight says, in one line per problem, what to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import checks
from deploy.local.paths import PROJECT
from deploy.local.ports import HOST


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    return _os_release(tmp_path, 'ID=debian\nVERSION_ID="12"\n')


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        yield int(listener.getsockname()[1])


def test_missing_programs_are_one_line_with_the_packages_to_install(debian: Path) -> None:
    assert checks.programs_problem(["mosquitto", "mvn", "java"], debian) == (
        "missing: mosquitto, mvn, Java 17: run deploy/local/install.sh, "
        "or `apt-get install --no-install-recommends mosquitto maven openjdk-17-jre-headless`"
    )


def test_every_package_named_is_one_that_the_install_script_installs(debian: Path) -> None:
    packages = set((PROJECT / "deploy" / "local" / "packages.txt").read_text().split())
    line = checks.programs_problem(["mosquitto", "prometheus", "mvn", "java"], debian) or ""
    assert set(line.rpartition("--no-install-recommends ")[2].rstrip("`").split()) <= packages


def test_elsewhere_than_debian_missing_programs_point_to_compose(tmp_path: Path) -> None:
    line = checks.programs_problem(["prometheus"], _os_release(tmp_path, "ID=fedora\n"))
    assert line is not None
    assert "missing: prometheus" in line
    assert "docker compose up" in line
    assert "apt-get" not in line


def test_a_system_made_from_debian_gets_the_apt_line(tmp_path: Path) -> None:
    line = checks.programs_problem(["prometheus"], _os_release(tmp_path, 'ID=ubuntu\nID_LIKE="debian"\n'))
    assert line is not None
    assert "apt-get install" in line


def test_programs_are_looked_for_on_the_path(tmp_path: Path) -> None:
    program = tmp_path / "mosquitto"
    program.touch(mode=0o755)
    missing = checks.missing_programs(str(tmp_path))
    assert "mosquitto" not in missing
    assert {"prometheus", "mvn"} <= set(missing)


def test_another_python_is_named_with_the_ones_that_work() -> None:
    line = checks.python_problem((3, 9))
    assert line is not None
    assert "Python 3.9" in line
    assert "3.11 or 3.12" in line
    assert checks.python_problem((3, 11)) is None


def test_too_little_memory_is_named_with_what_is_needed(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 8000000 kB\nMemAvailable: 1000000 kB\n")
    line = checks.memory_problem(checks.available_memory(meminfo))
    assert line is not None
    assert "1.0 GB" in line
    assert "4.5 GB" in line
    assert checks.memory_problem(checks.MEMORY_BYTES) is None


def test_a_port_in_use_is_named_with_its_holder_and_the_variable_that_moves_it(taken_port: int) -> None:
    (line,) = checks.port_problems({"kafka": taken_port})
    assert f"port {taken_port} (kafka) is in use by" in line
    assert f"(pid {os.getpid()})" in line
    assert "HEADRACE_PORT_KAFKA=NUMBER" in line


def test_a_free_port_is_no_problem(taken_port: int) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        free = probe.getsockname()[1]
    assert len(checks.port_problems({"kafka": free, "mqtt": taken_port})) == 1


def test_the_checks_run_before_the_virtual_environment_exists() -> None:
    """-S hides every installed package. The exit status depends on the machine; an import error is a traceback."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "deploy.local.checks"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr


def _os_release(folder: Path, text: str) -> Path:
    path = folder / "os-release"
    path.write_text(text)
    return path
