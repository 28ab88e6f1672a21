"""Keyed cells, in memory and on disk: a dictionary, whose changes are written once and which goes with its owner."""

import gc
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.streams.batch import Cells, compact
from headrace.streams.disk_cells import DiskCells
from headrace.streams.keyed_cells import KeyedCells

NewCells = Callable[[], Cells]
KEYS = st.sampled_from([b"", b"a", b"b", b"site/device", b"\x00", b"\xff", b"z" * 40])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=3)),
        st.tuples(st.just("delete"), KEYS, st.just(b"")),
        st.tuples(st.sampled_from(["checkpoint", "crash", "restart"]), st.just(b""), st.just(b"")),
    )
)
SMALL = 1 << 20


@pytest.fixture(params=["memory", "disk"])
def new_cells(request: pytest.FixtureRequest, tmp_path: Path) -> NewCells:
    return dict if request.param == "memory" else partial(DiskCells, tmp_path, SMALL)


def restored(log: dict[bytes, bytes], new_cells: NewCells) -> KeyedCells:
    state, cells = KeyedCells(), new_cells()
    cells.update(log)
    state.restore(cells)
    return state


def checkpoint(state: KeyedCells, log: dict[bytes, bytes]) -> None:
    """What a compacted changelog holds after a checkpoint."""
    changes = list(state.take_changes())
    assert len({key for key, _ in changes}) == len(changes)
    compact(log, changes)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_is_a_dictionary_and_its_changelog_too(new_cells: NewCells, steps: list[tuple[str, bytes, bytes]]) -> None:
    log: dict[bytes, bytes] = {}
    model: dict[bytes, bytes] = {}
    state = restored(log, new_cells)
    for name, key, content in steps:
        match name:
            case "put":
                state.put(key, content)
                model[key] = content
            case "delete":
                state.delete(key)
                model.pop(key, None)
            case "crash":
                state, model = restored(log, new_cells), dict(log)
            case _:
                checkpoint(state, log)
                assert log == model
                state = restored(log, new_cells) if name == "restart" else state
        assert len(state) == len(model)
        assert {key: state.get(key) for key in (*model, b"other")} == {**model, b"other": None}
    assert list(state.items()) == sorted(model.items())
    checkpoint(state, log)
    assert log == model


def test_only_what_changed_is_written(new_cells: NewCells) -> None:
    state = restored({b"a": b"1", b"b": b"2"}, new_cells)
    assert list(state.take_changes()) == []
    state.put(b"b", b"3")
    state.put(b"b", b"4")
    state.delete(b"unknown")
    assert list(state.take_changes()) == [(b"b", b"4")]
    state.delete(b"a")
    assert list(state.take_changes()) == [(b"a", None)]


def test_more_changes_than_one_write_takes_are_all_there(tmp_path: Path) -> None:
    cells = DiskCells(tmp_path, SMALL)
    cells.update({b"%d" % number: b"x" * 100 for number in range(25_000)})
    for number in range(0, 25_000, 2):
        del cells[b"%d" % number]
    assert len(cells) == 12_500
    assert b"24998" not in cells
    assert cells[b"24999"] == b"x" * 100
    assert sum(1 for _ in cells) == 12_500
    with pytest.raises(KeyError):
        del cells[b"24998"]


def test_cells_on_disk_go_with_their_owner_and_leave_others_alone(tmp_path: Path) -> None:
    first, second = DiskCells(tmp_path, SMALL), DiskCells(tmp_path, SMALL)
    second[b"key"] = b"kept"
    path = first.path
    assert path.exists()
    del first
    gc.collect()
    assert not path.exists()
    assert second[b"key"] == b"kept"
    second.close()
    assert not list(tmp_path.glob("cells-*"))


def test_what_a_killed_process_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from headrace.streams.disk_cells import DiskCells\n"
        "cells = DiskCells(pathlib.Path(sys.argv[1]))\n"
        "cells[b'key'] = b'content'\n"
        "len(cells)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    (left,) = tmp_path.glob("cells-*")
    cells = DiskCells(tmp_path, SMALL)
    assert not left.exists()
    assert len(cells) == 0
