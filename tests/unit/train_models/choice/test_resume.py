"""A run that is killed goes on where it was, and the hold-out is scored once."""

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.errors import ConfigurationError
from tests.unit.train_models.choice.test_choose import digest_of
from tests.unit.train_models.choice.toy import model_file, toy_build, toy_plan, toy_rows
from train_models.choice.choose import choose
from train_models.choice.code_version import code_sha256
from train_models.choice.fitting import fit
from train_models.choice.hold_out import HoldOut
from train_models.choice.progress import NoProgress
from train_models.choice.run_store import RunStore, Stored, key_of, look_of

_ROOT = Path(__file__).parents[4]
_PARTS: dict[str, Any] = {
    "candidates": [
        {"algorithm": "lightgbm", "params": {"n_estimators": 20}, "search": {"num_leaves": [3, 7, 15]}},
        {"algorithm": "logistic"},
    ],
    "search": {"trials": 4},
}
_PROGRAM = """
import sys
from pathlib import Path
from tests.unit.train_models.choice.test_resume import run
run(Path(sys.argv[1]))
"""


def run(folder: Path) -> Any:
    return choose(toy_rows(240), model_file(**_PARTS), toy_build(), folder, NoProgress())


def _killed_after(folder: Path, results: int) -> None:
    paths = [str(_ROOT), str(_ROOT / "services")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(folder)], env=environment)
    deadline = time.monotonic() + 60
    while len(list(folder.glob("*.npz"))) < results:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of a run that nothing interrupted, and what it gave."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, digest_of(run(folder))


def test_a_killed_run_goes_on_and_gives_the_same(whole: tuple[Path, str], tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    _killed_after(folder, 7)
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert 7 <= len(kept) < len(list(whole[0].glob("*.npz")))

    assert digest_of(run(folder)) == whole[1]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_finished_run_gives_the_recorded_hold_out_scores(whole: tuple[Path, str]) -> None:
    folder, digest = whole
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}

    assert digest_of(run(folder)) == digest
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")} == kept


@pytest.mark.parametrize("other", ["rows", "seed", "candidates", "calibration"])
def test_a_folder_of_another_run_is_refused(tmp_path: Path, other: str) -> None:
    rows, file = toy_rows(60), model_file()
    RunStore(tmp_path, key_of(rows, file))
    if other == "rows":
        rows.target[0] = 1 - rows.target[0]
    elif other == "seed":
        file = model_file(validation={"folds": 3, "inner_folds": 2, "seed": 7})
    elif other == "calibration":
        file = model_file(calibration="sigmoid")
    else:
        file = model_file(candidates=[{"algorithm": "knn"}])

    with pytest.raises(ConfigurationError, match=r"is of a run with another .*use an empty folder"):
        choose(rows, file, toy_build(), tmp_path, NoProgress())


def test_results_are_of_this_code_and_these_libraries() -> None:
    key = key_of(toy_rows(60), model_file())

    assert key["version of the code"] == code_sha256()
    for library in ("numpy", "pandas", "scipy", "scikit-learn"):
        assert f"{library} {version(library)}" in key["library version"].split(", ")


def test_a_look_is_told_by_all_of_a_file_that_its_values_depend_on() -> None:
    look = look_of(model_file())

    for edited in (
        {"threshold": {"fixed": 0.3}},
        {"calibration": "sigmoid"},
        {"validation": {"folds": 3, "inner_folds": 2, "hold_out": 0.2025}},
        {"candidates": [{"algorithm": "knn"}]},
    ):
        assert look_of(model_file(**edited)) != look, edited
    for same in ({"name": "copy"}, {"about": "x"}, {"gates": {"least": {"roc_auc": 0.6}}}, {"slices": ["kind"]}):
        assert look_of(model_file(**same)) == look, same


def test_a_threshold_can_be_mended_without_training_again(tmp_path: Path) -> None:
    rows = toy_rows(150)
    rows.target[:] = np.random.default_rng(1).permutation(rows.target)
    impossible = model_file(threshold={"recall_at_precision": 0.9999}, calibration="none")
    with pytest.raises(ConfigurationError, match="is never reached"):
        choose(rows, impossible, toy_build(), tmp_path, NoProgress())
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(kept) >= 9
    result = choose(rows, model_file(calibration="none"), toy_build(), tmp_path, NoProgress())

    assert result.threshold is not None
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def _pipeline(seed: int) -> Any:
    return fit(toy_plan(), "logistic", {}, toy_rows(60, seed=seed), {}).pipeline


def test_the_hold_out_is_scored_once(tmp_path: Path) -> None:
    store, rows = RunStore(tmp_path, {}), toy_rows(30, seed=9)
    hold_out = HoldOut(rows, store)
    scores = hold_out.score_once({"one": _pipeline(1)}, {"seed": 1})
    with pytest.raises(ConfigurationError, match="used already: it judges once"):
        hold_out.score_once({"one": _pipeline(1)}, {"seed": 1})

    later = HoldOut(rows, RunStore(tmp_path, {}))
    with pytest.raises(ConfigurationError, match="used already, by other models"):
        later.score_once({"one": _pipeline(2)}, {"seed": 2})
    # The recorded ones, whatever model is handed in under the same name.
    again = HoldOut(rows, RunStore(tmp_path, {})).score_once({"one": _pipeline(3)}, {"seed": 1})
    assert np.array_equal(again["one"], scores["one"])


def test_a_hold_out_whose_scoring_was_interrupted_is_only_for_the_same_models(tmp_path: Path) -> None:
    store, rows = RunStore(tmp_path, {}), toy_rows(30, seed=9)
    store.save("hold_out_use", Stored({"models": ["one"], "made_of": {"seed": 1}}, {}))
    with pytest.raises(ConfigurationError, match="by other models"):
        HoldOut(rows, store).score_once({"one": _pipeline(2)}, {"seed": 2})

    assert len(HoldOut(rows, store).score_once({"one": _pipeline(1)}, {"seed": 1})["one"]) == 30


def test_results_are_kept_to_the_bit(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=50)
    RunStore(tmp_path, {"a": "b"}).save("x", Stored({"value": 0.1 + 0.2, "none": None}, {"scores": values}))
    found = RunStore(tmp_path, {"a": "b"}).load("x")

    assert found is not None
    assert found.about == {"value": 0.1 + 0.2, "none": None}
    assert np.array_equal(found.arrays["scores"], values)
    assert RunStore(tmp_path, {"a": "b"}).load("y") is None
