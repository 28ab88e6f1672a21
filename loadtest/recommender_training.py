"""100,000 ratings of films from Kafka to a registered recommender: `make bench NAME=recommender_training`.

The ratings are in `interactions.raw`, and each algorithm is trained by itself in a process of its own, twice: frozen,
numbered, its parameters chosen on one part of the time, judged on a newer one beside popularity, signed and registered.
The memory is the whole process's at its peak; what it had before the training is told beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deploy.local.temporary import temporary_stack
from headrace.interactions.records import RAW
from headrace.kafka import Producer
from headrace.records import encode, headers_of
from loadtest import results
from loadtest.recommend_data import SITE, movies
from train_models.choice.progress import NoProgress
from train_models.recommending.ranking_metrics import NAMES, mean
from train_models.recommending.ranks import Ranks
from train_models.recommending.recommender_file import RecommenderFile
from train_models.recommending.recommender_trainer import RecommenderTrainer
from train_models.registry.mlflow_registry import Registry
from train_models.settings import Settings

_NAME = "films"
CANDIDATES: dict[str, dict[str, Any]] = {
    "ease": {"algorithm": "ease", "penalty": [100, 300, 1000]},
    "item_knn": {"algorithm": "item_knn", "shrinkage": [0, 10, 50]},
    "als": {"algorithm": "als", "factors": 64, "regularization": [1, 10], "alpha": [5, 20]},
}


def fill(brokers: str) -> int:
    """The ratings, each under its person's key; how many there are."""
    producer = Producer(brokers, "loadtest")
    count = 0
    for moment in movies().moments:
        for each in moment.interactions:
            producer.produce(RAW, encode(each), each.subject.encode(), headers_of(each))
            count += 1
    producer.flush(60)
    return count


def train(brokers: str, algorithm: str, folder: Path) -> dict[str, Any]:
    """Trains one candidate and tells what it took; times are seconds, memory MiB."""
    content = {"name": _NAME, "task": "recommendation", "site": SITE, "data": {"topic": {"name": RAW}}}
    model = RecommenderFile.model_validate({**content, "candidates": [CANDIDATES[algorithm]]})
    settings = Settings(brokers=brokers, data=folder / "data", models=folder)
    registry = Registry(settings.registry_uri, settings.artifacts_uri)
    # MLflow makes its database, which has nothing to do with what is trained.
    registry.versions(_NAME)
    before, began, cpu = _peak(), time.monotonic(), time.process_time()
    trained = RecommenderTrainer(settings, registry).train(model, NoProgress())
    found = trained.found
    return {
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": _peak(),
        "peak_mib_before": before,
        "items": found.chosen.items,
        "cases": len(found.hold_out),
        "params": found.chosen.params,
        **_figures(found.chosen.judged),
        "baselines": {name: _figures(ranks) for name, ranks in found.baselines.items()},
        "content_sha256": trained.version.tags["content_sha256"],
    }


def run_all() -> dict[str, Any]:
    """Fills Kafka and trains each algorithm twice, whose hashes must be the same."""
    found: dict[str, Any] = {}
    with temporary_stack() as stack, tempfile.TemporaryDirectory() as folder:
        stack.up("kafka")
        stack.create_topics()
        found["interactions"] = fill(stack.brokers)
        for algorithm in CANDIDATES:
            first, second = (
                _in_a_process(stack.brokers, algorithm, Path(folder) / f"{algorithm}-{number}") for number in range(2)
            )
            if first["content_sha256"] != second["content_sha256"]:
                raise SystemExit(f"{algorithm}: two trainings on the same interactions gave other models")
            found[algorithm] = first
            print(algorithm, first, flush=True)
    return found


def _in_a_process(brokers: str, algorithm: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    options = ["--algorithm", algorithm, "--brokers", brokers, "--folder", str(folder)]
    command = [sys.executable, "-m", "loadtest.recommender_training", *options]
    output = subprocess.check_output(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def _figures(ranks: Ranks) -> dict[str, float]:
    return {**{name: round(mean(name, ranks), 5) for name in NAMES}, "coverage": round(ranks.coverage, 5)}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measures, prints, and writes results/recommender_training.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="write no result")
    parser.add_argument("--algorithm", choices=CANDIDATES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--brokers", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.algorithm:
        print(json.dumps(train(options.brokers, options.algorithm, options.folder)))
        return
    figures = run_all()
    if not options.dry:
        print(f"written to {results.write('recommender_training', 'make bench NAME=recommender_training', figures)}")


if __name__ == "__main__":
    main()
