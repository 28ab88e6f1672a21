"""`headrace sources` and the service: what they say, what they do, and that they keep out of each other's way."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.testing import wait_until
from tests.integration.ingest_sources.bench import HEADER, RULES, SourceBench, expected, orders
from tests.integration.ingest_sources.command import Command

pytestmark = pytest.mark.integration


@pytest.fixture
def command(bench: SourceBench, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(bench.environment(), monkeypatch)


def test_check_shows_what_becomes_of_a_file_and_writes_nothing(bench: SourceBench, command: Command) -> None:
    path = bench.drop("0.csv", orders(0, 12))
    shown = command("check", bench.name)
    assert f"{bench.name} is right" in shown
    assert "the first 12 rows give 9 records" in shown
    assert f'{bench.topic}  0/1  {{"order":"0","line":"1","amount":0.0}}' in shown
    assert "row 8: cast: amount is 'none', not a number" in shown
    assert "1 by rule 1 cast" in shown
    assert path.exists()
    assert bench.entries() == {}


def test_check_without_a_name_looks_at_all_sources(bench: SourceBench, command: Command) -> None:
    assert f"right: {bench.name}" in command("check")
    (bench.sources / "other.yaml").write_text("kind: tape\n")
    assert "other.yaml:1: kind" in command.refused("check")


def test_run_loads_what_is_there_and_status_says_so(bench: SourceBench, command: Command) -> None:
    delivered, refused, dropped = expected(0, 200)
    bench.drop("0.csv", orders(0, 200))
    bench.drop("bad.csv", "no,such\n1,2\n")
    said = command("run", bench.name)
    assert f"done     0.csv  {len(delivered)} delivered, {len(refused)} rejected, {dropped} dropped" in said
    assert "refused  bad.csv" in said and "no column 'amount'" in said
    row = next(line for line in command("status").splitlines() if line.startswith(bench.name)).split()
    assert row[1:6] == ["files", "0", "1", "1", "0"]
    assert row[6:9] == [str(len(delivered)), str(len(refused)), str(dropped)]
    assert "0.csv" in command("status", bench.name)
    assert "no file waits" in command("run", bench.name)


def test_backfill_loads_archived_files_again_with_the_rules_of_now(bench: SourceBench, command: Command) -> None:
    bench.configure(rules=RULES[:1])
    bench.drop("0.csv", HEADER + "1,1,5\n2,1,-6\n")
    command("run", bench.name)
    bench.configure()
    assert "1 files are taken" in command("backfill", bench.name, "0.*")
    assert bench.keys() == {"1/1": 2, "2/1": 1}
    assert [letter.source.offset for letter in bench.letters()] == [2]
    assert "0 files are taken" in command("backfill", bench.name, "none*")


def test_name_that_is_none_is_told_with_those_that_are(bench: SourceBench, command: Command) -> None:
    assert bench.name in command.refused("run", "nope")


def test_service_loads_what_is_dropped_and_a_command_keeps_out_of_its_way(
    bench: SourceBench, command: Command, tmp_path: Path
) -> None:
    log = tmp_path / "service.log"
    with log.open("wb") as out:
        service = subprocess.Popen(
            [sys.executable, "-m", "ingest_sources"], env=bench.environment(), stdout=out, stderr=out
        )
    try:
        wait_until(lambda: b'"started"' in log.read_bytes(), "the service", 30)
        wait_until(lambda: (bench.folder / "archive").is_dir(), "its folder", 30)
        bench.drop("0.csv", orders(0, 200))
        wait_until(lambda: bench.entries().get("0.csv"), "the file", 30)
        assert "another process" in command.refused("run", bench.name)
        bench.drop("1000.csv", orders(1_000, 200))
        wait_until(lambda: bench.names("archive") == {"0.csv", "1000.csv"}, "both files to be put away", 30)
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0, log.read_text(errors="replace")[-3_000:]
    assert len(bench.keys()) == len(expected(0, 200)[0]) + len(expected(1_000, 200)[0])


def test_terminated_service_leaves_a_file_to_the_next_one(bench: SourceBench) -> None:
    bench.drop("0.csv", orders(0, 40_000))
    service = subprocess.Popen([sys.executable, "-m", "ingest_sources"], env=bench.environment())
    try:
        wait_until(lambda: bench.entries().get("0.csv"), "the first part", 60)
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0
    assert bench.entries()["0.csv"].state == "loading"
    bench.load()
    delivered, _, _ = expected(0, 40_000)
    assert bench.keys() == dict.fromkeys(delivered, 1)
