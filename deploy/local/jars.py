"""Kafka's and Cassandra's jars: fetched by Maven at the versions of pom.xml, checked against jars.sha256."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.paths import JARS, LOCAL

SETS = ("kafka", "cassandra")
POM = LOCAL / "pom.xml"
CHECKSUMS = LOCAL / "jars.sha256"
_STAMP = ".verified"


def class_path(jar_set: str) -> str:
    """The class path of one set; every jar of its folder, which holds nothing else."""
    return f"{JARS / jar_set}/*"


def agent(jar_set: str, artifact: str) -> Path:
    """Where the jar of `artifact` lies or will lie, by the committed list."""
    (name,) = (name for name in _committed(jar_set) if name.startswith(f"{artifact}-"))
    return JARS / jar_set / name


def ensure(jar_set: str) -> None:
    """Fetch and verify one set, unless that was done for this pom.xml and these checksums.

    Raises StackError when Maven fails or a jar is not the committed one; no stamp is left then, so the next call tries
    again.
    """
    folder = JARS / jar_set
    expected = _committed(jar_set)
    if _is_verified(folder, expected):
        return
    with _exclusive():
        if _is_verified(folder, expected):
            return
        _fetch(jar_set, folder)
        compare(jar_set, expected, _checksums(folder))
        (folder / _STAMP).write_text(_stamp())


def write_checksums() -> None:
    """Fetch every set and write the list of checksums; for a change of version, whose diff is then reviewed."""
    lines = []
    with _exclusive():
        for jar_set in SETS:
            _fetch(jar_set, JARS / jar_set)
            lines += [f"{digest}  {jar_set}/{name}\n" for name, digest in sorted(_checksums(JARS / jar_set).items())]
    CHECKSUMS.write_text("".join(lines))


def _committed(jar_set: str) -> dict[str, str]:
    lines = (line.split("  ", 1) for line in CHECKSUMS.read_text().splitlines())
    return {name.removeprefix(f"{jar_set}/"): digest for digest, name in lines if name.startswith(f"{jar_set}/")}


def _is_verified(folder: Path, expected: dict[str, str]) -> bool:
    stamp = folder / _STAMP
    if not stamp.exists() or stamp.read_text() != _stamp():
        return False
    return {path.name for path in folder.glob("*.jar")} == set(expected)


def _stamp() -> str:
    return hashlib.sha256(POM.read_bytes() + CHECKSUMS.read_bytes()).hexdigest()


def _checksums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.jar")}


def compare(jar_set: str, expected: dict[str, str], found: dict[str, str]) -> None:
    """Raise StackError unless the jars found, by name and sha256, are the expected ones, all of them and no other."""
    differing = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if differing:
        raise StackError(
            f"{len(differing)} {jar_set} jars are not the ones of {CHECKSUMS.name} (first: {differing[0]}): "
            "after a wanted change of version run `python -m deploy.local lock-jars` and review the difference"
        )


def _fetch(jar_set: str, folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise StackError("mvn is missing: run deploy/local/install.sh")
    shutil.rmtree(folder, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", str(POM), "-P", jar_set, "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"Maven could not fetch the {jar_set} jars:\n{(done.stdout + done.stderr)[-2_000:]}")


@contextmanager
def _exclusive() -> Iterator[None]:
    """One fetch at a time on this checkout: a demo and a test session may both be the first."""
    JARS.mkdir(parents=True, exist_ok=True)
    with (JARS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
