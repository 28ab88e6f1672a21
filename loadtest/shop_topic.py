"""The web shop's churn model from raw events, through a topic: `make bench NAME=shop_topic`.

The 150 daily files go through a source of ingest_sources (trim, cast, time) into a Kafka of this run's own. Then
`deploy/models/shop_churn.yaml` is trained three times as `headrace models train` does: with its data taken from that
topic, from the files directly, and from the topic with nothing but the days since the last purchase. All three are
judged on the same customers' rows, once.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from ingest_sources.app import Parts
from ingest_sources.files.file_source import FileSource
from ingest_sources.settings import Settings as SourceSettings
from loadtest import results
from train_models.choice.progress import NoProgress
from train_models.data.data_spec import Data
from train_models.data.snapshots import load_snapshot
from train_models.model_file import ModelFile, load_model_file
from train_models.registry.mlflow_registry import Registry
from train_models.settings import Settings
from train_models.train import Trainer

ROOT = Path(__file__).resolve().parents[1]
SHOP = ROOT.parent / "shared" / "data" / "interactions" / "uci-online-retail"
MODEL = "shop_churn"
RECENCY = "days_since_last"
METRICS = ("roc_auc", "average_precision")
SOURCE = "shop"
TOPIC = f"sources.{SOURCE}"
TIME = "time"
RULES: list[dict[str, Any]] = [
    {"trim": "all"},
    {"cast": {"columns": {"Quantity": "integer", "UnitPrice": "number"}}},
    {"time": {"from": ["InvoiceDate"], "formats": ["%Y-%m-%d %H:%M:%S"], "zone": "UTC", "into": TIME}},
    {"drop": ["InvoiceDate"]},
]
"""The times' zone is the one that the model file takes for the files' texts."""


class Clocked(NoProgress):
    """Tells for how long a training read and froze rows."""

    def __init__(self) -> None:
        self.freeze_seconds = 0.0
        self._began = time.monotonic()

    def start(self, total: int, what: str) -> None:
        """The first part after the rows begins when they are frozen."""
        if what == "rows":
            self._began = time.monotonic()
        elif not self.freeze_seconds:
            self.freeze_seconds = time.monotonic() - self._began


def load(stack: Stack, folder: Path) -> dict[str, float]:
    """All daily files through the source into its topic."""
    source = FileSource.model_validate(
        {
            "name": SOURCE,
            "kind": "files",
            "folder": SOURCE,
            "stable_seconds": 0,
            "rules": RULES,
            "into": {"topic": TOPIC, "key": "{InvoiceNo}"},
        }
    )
    parts = Parts(SourceSettings(brokers=stack.brokers, data=folder), source, threading.Event())
    run = parts.start()
    for path in sorted(SHOP.glob("*.csv")):
        shutil.copy(path, parts.folder.path)
    began = time.monotonic()
    files = 0
    while parts.folder.waiting():
        files += run.work_off()
    return {"files": files, "load_seconds": round(time.monotonic() - began, 1)}


def from_topic(model: ModelFile) -> ModelFile:
    """The model with its rows of the topic."""
    data = model.data.model_dump(by_alias=True, exclude_unset=True)
    events = {**data["events"], "time": TIME}
    del data["files"]
    return model.model_copy(update={"data": Data.model_validate({**data, "topic": {"name": TOPIC}, "events": events})})


def recency_alone(model: ModelFile) -> ModelFile:
    """How long ago the last purchase was, and nothing else."""
    content = {
        **model.model_dump(include={"task", "validation"}),
        "name": "shop_recency",
        "data": model.data,
        "inputs": {RECENCY: model.inputs[RECENCY]},
        "candidates": [{"algorithm": "logistic"}],
    }
    return ModelFile.model_validate(content)


def figures(model: ModelFile, settings: Settings, registry: Registry) -> dict[str, Any]:
    """Trains, and tells what came of it."""
    clocked, began = Clocked(), time.monotonic()
    trained = Trainer(settings, registry).train(model, clocked)
    seconds = time.monotonic() - began
    return {
        "rows": trained.snapshot.rows,
        "snapshot": trained.snapshot.sha256,
        "content_sha256": trained.exported.content_sha256,
        "chosen": trained.judged.candidates[0].name,
        "hold_out_rows": trained.judged.hold_out_rows,
        "folds": {metric: asdict(trained.judged.over_folds[metric]) for metric in METRICS},
        "hold_out": {metric: asdict(trained.judged.hold_out[metric]) for metric in METRICS},
        "freeze_seconds": round(clocked.freeze_seconds, 1),
        "train_seconds": round(seconds - clocked.freeze_seconds, 1),
    }


def run_all() -> dict[str, Any]:
    """Loads, trains the three, and returns all figures."""
    with temporary_stack() as stack, tempfile.TemporaryDirectory() as name:
        stack.up("kafka")
        stack.create_topics()
        folder = Path(name)
        source = load(stack, folder / "sources")
        settings = Settings(brokers=stack.brokers, data=folder / "data", files=SHOP.parent)
        registry = Registry(settings.registry_uri, settings.artifacts_uri)
        # MLflow takes seconds to import and to make its tables.
        registry.names()
        model = load_model_file(MODEL, settings.models)
        of_topic = from_topic(model)
        wanted = {"topic": of_topic, "files": model, "recency": recency_alone(of_topic)}
        found = {title: figures(each, settings, registry) for title, each in wanted.items()}
        events = load_snapshot(found["topic"]["snapshot"], settings.data, verify=False).about.parents
        rows = load_snapshot(events[0], settings.data, verify=False).rows
    return {"source": {**source, "rows": rows}, "models": found}


def table_of(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """A line for each training and metric."""
    table = Table(title="the web shop's churn from raw events", title_justify="left")
    for heading in ("rows from", "metric", "chosen", "over folds", "hold-out", "freeze s", "training s"):
        table.add_column(heading)
    for title, each in found.items():
        for metric in METRICS:
            folds, once = each["folds"][metric], each["hold_out"][metric]
            table.add_row(
                title,
                metric,
                each["chosen"],
                f"{folds['mean']:.4f} ± {folds['deviation']:.2g}",
                f"{once['value']:.4f} ({once['low']:.4f} to {once['high']:.4f})",
                f"{each['freeze_seconds']:.1f}",
                f"{each['train_seconds']:.1f}",
            )
    return table


def main() -> None:
    """Measures, prints, and writes results/shop_topic.json."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if not SHOP.is_dir():
        raise SystemExit(f"the data are not here: {SHOP}")
    console = Console(highlight=False, width=140)
    found = run_all()
    source = found["source"]
    console.print(
        f"{source['files']} files, {source['rows']:,} rows in {source['load_seconds']:.1f} s: "
        f"{source['rows'] / source['load_seconds']:,.0f} rows/s"
    )
    console.print(table_of(found["models"]))
    path = results.write("shop_topic", "make bench NAME=shop_topic", found)
    console.print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
