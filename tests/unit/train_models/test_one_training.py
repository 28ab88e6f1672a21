"""Two trainings of the same wait for each other; one that was killed is not waited for."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from train_models.one_training import one_training

_HOLD = """
import sys, time
from pathlib import Path
from train_models.one_training import one_training
with one_training(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    time.sleep(600)
"""


def _unheard() -> None:
    pytest.fail("it waited")


def test_the_second_waits_until_the_first_is_done(tmp_path: Path) -> None:
    path, steps, waits = tmp_path / "orders" / "run.lock", [], threading.Event()

    def second() -> None:
        with one_training(path, waits.set):
            steps.append("second")

    thread = threading.Thread(target=second)
    with one_training(path, _unheard):
        thread.start()
        assert waits.wait(10)
        steps.append("first")
    thread.join(10)

    assert steps == ["first", "second"]


def test_a_killed_process_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    waits = threading.Event()
    thread = threading.Thread(target=lambda: one_training(path, waits.set).__enter__())
    thread.start()
    assert waits.wait(10)
    process.kill()
    process.communicate()
    thread.join(10)
    assert not thread.is_alive()
