"""State in memory beside state on disk: `make bench NAME=disk_state`.

The same keyed cells, in a dictionary and in RocksDB, each in a process of its own: many keys are put, then keys
at random are read and changed, with a checkpoint every few thousand. Nothing else runs, and the changelog is left out.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from headrace.streams.disk_cells import DiskCells
from headrace.streams.keyed_cells import KeyedCells
from loadtest import results

CHECKPOINT = 5_000
CONTENT = 100
PLACES = ("memory", "disk")


def put_all(state: KeyedCells, keys: Iterable[int]) -> None:
    """Counts each key up in its content, as rules that keep a small record do."""
    for done, key in enumerate(keys, 1):
        name = b"user-%012d" % key
        held = state.get(name)
        count = 0 if held is None else int.from_bytes(held[:8])
        state.put(name, (count + 1).to_bytes(8) + b"x" * (CONTENT - 8))
        if done % CHECKPOINT == 0:
            for _ in state.take_changes():
                pass


def measure(place: str, keys: int, updates: int, folder: Path) -> dict[str, float]:
    """Runs in a process of its own: the memory is all that it took since its start."""
    process = psutil.Process()
    before = process.memory_info().rss
    state = KeyedCells()
    state.restore({} if place == "memory" else DiskCells(folder))
    began = time.process_time()
    put_all(state, range(keys))
    filled = time.process_time()
    numbers = random.Random(1)
    put_all(state, (numbers.randrange(keys) for _ in range(updates)))
    ended = time.process_time()
    if len(state) != keys:
        raise SystemExit(f"{len(state)} keys where {keys} were put")
    return {
        "cpu_us_per_new_key": (filled - began) / keys * 1e6,
        "cpu_us_per_update": (ended - filled) / updates * 1e6,
        "memory_bytes_per_key": (process.memory_info().rss - before) / keys,
    }


def _in_a_process(place: str, keys: int, updates: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "loadtest.disk_state", "--place", place, "--folder", folder]
        sizes = ["--keys", str(keys), "--updates", str(updates)]
        found: dict[str, float] = json.loads(subprocess.check_output([*command, *sizes]))
        return found


def main() -> None:
    """Measures both places in turn, prints, and writes results/disk_state.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=3_000_000)
    parser.add_argument("--updates", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--place", choices=PLACES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.place:
        print(json.dumps(measure(options.place, options.keys, options.updates, options.folder)))
        return
    rounds: dict[str, list[dict[str, float]]] = {place: [] for place in PLACES}
    for _ in range(options.rounds):
        for place in PLACES:
            rounds[place].append(_in_a_process(place, options.keys, options.updates))
            print(place, {name: round(value, 1) for name, value in rounds[place][-1].items()}, flush=True)
    figures: dict[str, object] = {
        place: {name: results.spread([one[name] for one in found]) for name in found[0]}
        for place, found in rounds.items()
    }
    figures = {"keys": options.keys, "updates": options.updates, "content_bytes": CONTENT, **figures}
    print(f"written to {results.write('disk_state', 'make bench NAME=disk_state', figures)}")


if __name__ == "__main__":
    main()
