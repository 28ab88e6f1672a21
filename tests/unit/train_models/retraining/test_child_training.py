"""A training in a process of its own: how it ends, and that it ends when it must."""

import sys
import threading
import time
from pathlib import Path

import pytest

from headrace.testing import wait_until
from tests.unit.train_models.retraining.test_retrainer import _model
from train_models.model_file import ModelFile
from train_models.models_cli import NOT_PROMOTED
from train_models.retraining.child_training import ChildTraining


def _training(program: str) -> ChildTraining:
    return ChildTraining((sys.executable, "-c", program))


def _promoted(is_wanted: bool) -> ModelFile:
    model = _model("orders")
    return model.model_copy(update={"retraining": model.retraining.model_copy(update={"promote": is_wanted})})


@pytest.mark.parametrize(("status", "is_well"), [(0, True), (NOT_PROMOTED, True), (1, False), (2, False)])
def test_a_training_that_gates_refuse_to_promote_has_not_failed(status: int, is_well: bool) -> None:
    assert _training(f"raise SystemExit({status})").train(_promoted(True), "", threading.Event()) is is_well


@pytest.mark.parametrize("is_promoted", [True, False])
def test_the_command_is_told_the_model_and_why(tmp_path: Path, is_promoted: bool) -> None:
    told = tmp_path / "told"
    program = f"import sys; open({str(told)!r}, 'w').write(repr(sys.argv[1:]))"
    assert _training(program).train(_promoted(is_promoted), "7 new rows", threading.Event())
    wanted = ["orders", "--because", "7 new rows", *(["--promote"] if is_promoted else [])]
    assert told.read_text() == repr(wanted)


def test_it_ends_when_the_process_is_to_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    begun, stop = tmp_path / "begun", threading.Event()
    training = _training(f"import time; open({str(begun)!r}, 'w').close(); time.sleep(600)")
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(training.train(_promoted(False), "", stop)))
    thread.start()
    wait_until(begun.exists, "the child")
    began = time.monotonic()
    stop.set()
    thread.join(10)

    assert found == [False]
    assert time.monotonic() - began < 5
    # It is resumed, so nothing failed.
    assert caplog.records == []


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train_models.retraining.child_training._END_S", 0.2)
    begun, stop = tmp_path / "begun", threading.Event()
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    training = _training(f"{deaf}; open({str(begun)!r}, 'w').close(); time.sleep(600)")

    def stop_it() -> None:
        wait_until(begun.exists, "the child")
        stop.set()

    threading.Thread(target=stop_it).start()
    assert not training.train(_promoted(False), "", stop)
