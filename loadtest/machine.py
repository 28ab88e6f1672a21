"""What machine a figure comes from."""

from __future__ import annotations

import platform
from pathlib import Path

import psutil


def machine() -> dict[str, str | int]:
    """Processor, cores, memory and versions; no host name."""
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
