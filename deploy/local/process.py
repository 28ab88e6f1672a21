"""One process by its id: started apart from the terminal, recorded with its birth, ended by that record only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LOG_LIMIT = 20_000_000
_POLL_S = 0.05
_KILL_S = 10.0


@dataclass(frozen=True)
class ProcessRecord:
    """A process that this stack started.

    `birth` is the boot and the tick at which the kernel started it, so a recycled id never matches.
    """

    pid: int
    birth: str

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """The record in `path`, or None where there is none or a kill cut it short."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    @classmethod
    def of(cls, pid: int) -> ProcessRecord:
        """The record of a process that runs now. Raises ProcessLookupError."""
        birth = _birth(pid)
        if birth is None:
            raise ProcessLookupError(pid)
        return cls(pid, birth)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(path)

    def is_alive(self) -> bool:
        """Whether this very process still runs; one that ended and waits to be reaped does not."""
        return _birth(self.pid) == self.birth

    def send(self, number: signal.Signals) -> None:
        """Signal this process; nothing happens where it has ended."""
        if self.is_alive():
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> bool:
        """Whether it ended within `timeout` seconds; reaps it where it is a child of ours."""
        deadline = time.monotonic() + timeout
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, which Ctrl-C in our terminal does not reach. It writes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(record: ProcessRecord, timeout: float, number: signal.Signals = signal.SIGTERM) -> None:
    """The signal (and SIGCONT, for one that a test paused), then SIGKILL after `timeout` seconds.

    Then SIGKILL for whatever it had started and left behind.
    """
    descendants = _descendants(record)
    record.send(number)
    record.send(signal.SIGCONT)
    if not record.wait(timeout):
        record.send(signal.SIGKILL)
        record.wait(_KILL_S)
    for descendant in descendants:
        descendant.send(signal.SIGKILL)
    for descendant in descendants:
        descendant.wait(_KILL_S)


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log; of a long one only the last 64 kB are read."""
    if not path.exists():
        return "(no log)"
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 65_536))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def _descendants(record: ProcessRecord) -> list[ProcessRecord]:
    if not record.is_alive():
        return []
    try:
        children = psutil.Process(record.pid).children(recursive=True)
        return [ProcessRecord.of(child.pid) for child in children if _birth(child.pid)]
    except (psutil.NoSuchProcess, ProcessLookupError):
        return []


def _birth(pid: int) -> str | None:
    """The boot id and field 22 of /proc/PID/stat, in clock ticks since the boot; None where no such process runs.

    The wall-clock start that psutil derives from it moves when the clock is set.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in "ZX":
        return None
    return f"{_BOOT_ID.read_text().strip()}:{fields[19]}"
