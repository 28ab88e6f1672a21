"""Pre-flight: what keeps the stack from running on this machine, one line per problem that says what to do.

Uses the standard library only and runs on old Pythons too, so that `python3 -m deploy.local.checks` works before the
virtual environment exists.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.local.java import java_17
from deploy.local.paths import SEARCH_PATH
from deploy.local.ports import HOST, can_bind, variable

PYTHONS = ((3, 11), (3, 12))
# The demo's processes take 3.8 GB while a model is trained (proportional set size, the greatest of two runs).
MEMORY_BYTES = 4_500_000_000
_PACKAGES = {"mosquitto": "mosquitto", "prometheus": "prometheus", "mvn": "maven", "java": "openjdk-17-jre-headless"}
_COMPOSE = "run `docker compose up` instead"


def machine_problems(*, memory: bool = True) -> list[str]:
    """What is wrong with this machine, ports left aside; `memory` is False where the stack already holds its own."""
    found = [
        python_problem(sys.version_info[:2]),
        programs_problem(missing_programs(SEARCH_PATH), Path("/etc/os-release")),
        memory_problem(available_memory(Path("/proc/meminfo"))) if memory else None,
    ]
    return [problem for problem in found if problem]


def python_problem(version: tuple[int, int]) -> str | None:
    if version in PYTHONS:
        return None
    wanted = " or ".join(f"{major}.{minor}" for major, minor in PYTHONS)
    return f"this is Python {version[0]}.{version[1]}, Headrace needs {wanted}: on Debian 12, `apt-get install python3`"


def missing_programs(search_path: str) -> list[str]:
    programs = [name for name in _PACKAGES if name != "java" and shutil.which(name, path=search_path) is None]
    return programs if java_17(search_path) else [*programs, "java"]


def programs_problem(missing: Iterable[str], os_release: Path) -> str | None:
    """One line for all missing programs: the apt line on Debian and its like, else the way through containers."""
    programs = list(missing)
    if not programs:
        return None
    names = ", ".join("Java 17" if name == "java" else name for name in programs)
    if not is_debian(os_release):
        return f"missing: {names}; the native stack installs them on Debian only: {_COMPOSE}"
    packages = " ".join(_PACKAGES[name] for name in programs)
    return f"missing: {names}: run deploy/local/install.sh, or `apt-get install --no-install-recommends {packages}`"


def is_debian(os_release: Path) -> bool:
    """Whether the system is Debian or made from it."""
    if not os_release.exists():
        return False
    lines = (line.split("=", 1) for line in os_release.read_text().splitlines() if "=" in line)
    values = {name: value.strip().strip('"') for name, value in lines}
    return "debian" in f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".split()


def available_memory(meminfo: Path) -> int | None:
    """Bytes that new processes can take without swapping; None where the kernel does not say."""
    if not meminfo.exists():
        return None
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def memory_problem(available: int | None) -> str | None:
    if available is None or available >= MEMORY_BYTES:
        return None
    return (
        f"only {available / 1e9:.1f} GB of memory is free and the stack needs {MEMORY_BYTES / 1e9:.1f} GB: "
        "close other programs, or start a part of it (`python -m deploy.local up kafka mosquitto`)"
    )


def port_problems(ports: Mapping[str, int], host: str = HOST) -> list[str]:
    """One line for each port that someone already listens on."""
    return [_port_problem(name, port) for name, port in ports.items() if not can_bind(port, host)]


def _port_problem(name: str, port: int) -> str:
    return (
        f"port {port} ({name}) is in use by {_holder(port)}: stop that program, "
        f"or choose another port with {variable(name)}=NUMBER"
    )


def _holder(port: int) -> str:
    """Who listens on the port: other users' programs are visible to root only."""
    try:
        import psutil
    except ImportError:
        return "another program"
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN and getattr(connection.laddr, "port", None) == port
        if listens and connection.pid:
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "a program of another user"


def main() -> int:
    problems = machine_problems()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
