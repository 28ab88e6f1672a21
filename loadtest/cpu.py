"""CPU time of the stack's processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psutil

from deploy.local.stack import Stack


def cpu_seconds(stack: Stack, names: Iterable[str]) -> dict[str, float]:
    """User and system time that each running component has used, its children included."""
    return {name: _of(record.pid) for name in names if (record := stack.record(name)) is not None}


def machine_seconds() -> float:
    """CPU time that everything on this machine has used, with what its host gave to others."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def used(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What each used between two looks."""
    return {name: after[name] - before[name] for name in before if name in after}


def _of(pid: int) -> float:
    process = psutil.Process(pid)
    times = [process.cpu_times(), *(child.cpu_times() for child in process.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))
