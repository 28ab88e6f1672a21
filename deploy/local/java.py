"""Which Java runs Kafka and Cassandra."""

from __future__ import annotations

import shutil
from pathlib import Path

_DEBIAN = Path("/usr/lib/jvm")


def java_command(search_path: str) -> str:
    """What to run. A missing Java is reported by the pre-flight check and by the start."""
    return str(java_17(search_path) or "java")


def java_17(search_path: str, debian: Path = _DEBIAN) -> Path | None:
    """Java 17, the only release that both Kafka 4 and Cassandra 5.0 support, or None.

    Debian's, else the `java` on the path if it lies in a folder of release 17.
    """
    for home in sorted(debian.glob("java-17-openjdk-*")):
        if (home / "bin" / "java").exists():
            return home / "bin" / "java"
    on_path = shutil.which("java", path=search_path)
    if on_path and _release(Path(on_path).resolve()) == "17":
        return Path(on_path)
    return None


def _release(java: Path) -> str:
    """The major release, read from the `release` file of the Java folder."""
    release = java.parents[1] / "release"
    if not release.exists():
        return ""
    lines = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
    return lines.get("JAVA_VERSION", "").strip('"').split(".")[0]
