"""A benchmark's process is measured by what it says and what the kernel counts, and never passes in silence."""

import sys
from pathlib import Path

import pytest

from loadtest.engine import ratios
from loadtest.engine_run import Child, Outcome, RunFailed


def child(tmp_path: Path, code: str) -> Child:
    return Child([sys.executable, "-c", code], tmp_path / "log")


def test_the_last_line_of_json_counts_whatever_stands_before_it(tmp_path: Path) -> None:
    code = "print('starting'); print('{\"readings\": 1}'); print('\\x1b[?25h{\"readings\": 2}'); print('bye')"
    said, _ = child(tmp_path, code).finish()
    assert said == {"readings": 2}


def test_cpu_time_is_that_of_the_whole_process(tmp_path: Path) -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint('{}')"
    _, seconds = child(tmp_path, code).finish()
    assert 0.3 <= seconds < 2.0


def test_process_that_says_nothing_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="ended with 3"):
        child(tmp_path, "import sys; sys.stderr.write('why'); sys.exit(3)").finish()
    assert (tmp_path / "log").read_text() == "why"


def test_process_that_hangs_is_killed(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="ended with -9"):
        child(tmp_path, "import threading; threading.Event().wait()").finish(timeout=0.5)


def test_figures_are_per_second_and_per_million() -> None:
    outcome = Outcome(readings=500_000, seconds=2.0, cpu_s=1.5, whole_cpu_s=3.0, kafka_cpu_s=1.0)
    assert outcome.figures() == {
        "readings_per_second": 250_000,
        "cpu_seconds_per_million": 3.0,
        "cpu_seconds_per_million_with_start": 6.0,
        "kafka_cpu_seconds_per_million": 2.0,
    }


def test_kafka_streams_counts_with_its_better_number_of_threads() -> None:
    rates = {
        "headrace": 200.0,
        "kafka_streams_1_thread": 80.0,
        "kafka_streams_2_threads": 100.0,
        "quix": 8.0,
        "faust": 1.0,
    }
    assert ratios(rates) == {"quix": 25.0, "faust": 200.0, "kafka_streams": 2.0}
