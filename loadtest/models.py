"""How good the models of deploy/models are on public data: `make bench NAME=models`; `--only telco_churn` for one.

Each model is trained as `headrace models train` does, on 80 % of the rows, and its hold-out is looked at once. Beside
it stands the same chosen candidate, with the same parameters, cross-validated over all rows with as many folds and
repeats: published figures are mostly of this kind. `floor` is scikit-learn's histogram boosting as it comes, over the
same folds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.pipeline import Pipeline

from loadtest import results
from train_models.choice.choice_spec import Candidate
from train_models.choice.cross_validation import cross_validate
from train_models.choice.plan import plan_of
from train_models.choice.progress import NoProgress
from train_models.choice.run_store import RunStore, key_of
from train_models.choice.splits import folds_of
from train_models.data.snapshots import load_snapshot
from train_models.data.training_rows import training_rows
from train_models.features.feature_spec import Features
from train_models.features.pipeline import build_pipeline
from train_models.judging.fold_summary import fold_summary
from train_models.model_file import ModelFile, load_model_file, with_candidates
from train_models.registry.mlflow_registry import Registry
from train_models.settings import Settings
from train_models.train import Trainer
from train_models.training_result import TrainingRows

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
MODELS: Mapping[str, tuple[str, ...]] = {
    "telco_churn": ("roc_auc", "average_precision"),
    "iranian_churn": ("roc_auc",),
    "california_housing": ("rmse",),
    "mammography": ("average_precision",),
    "shop_churn": ("roc_auc", "average_precision"),
}
"""Model → the metrics that are told."""
FLOOR = Candidate(algorithm="hist_boosting", name="floor")
RECENCY = "days_since_last"


def main() -> None:
    """Trains and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(MODELS), action="append", help="a model, in place of all")
    chosen = parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit(f"the data are not here: {SHARED}")
    console = Console(highlight=False, width=180)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", files=_rows_folder(Path(folder) / "rows"))
        registry = Registry(settings.registry_uri, settings.artifacts_uri)
        figures = {name: _figures(name, settings, registry, console) for name in chosen.only or MODELS}
    console.print(_table(figures))
    if not chosen.only:
        path = results.write("models", "make bench NAME=models", {"models": figures})
        console.print(f"written: {path.relative_to(ROOT)}")


def _rows_folder(folder: Path) -> Path:
    folder.mkdir()
    for each in (*(SHARED / "tabular").iterdir(), *(SHARED / "interactions").iterdir()):
        (folder / each.name).symlink_to(each)
    with np.load(SHARED / "tabular" / "mammography" / "23_mammography.npz", allow_pickle=False) as packed:
        frame = pd.DataFrame(packed["X"], columns=[f"x{number}" for number in range(1, 7)])
        frame["target"] = packed["y"]
    frame.to_parquet(folder / "mammography.parquet", index=False)
    return folder


def _figures(name: str, settings: Settings, registry: Registry, console: Console) -> dict[str, Any]:
    model = load_model_file(name, settings.models)
    begin = time.monotonic()
    trained = Trainer(settings, registry).train(model, NoProgress())
    seconds = time.monotonic() - begin
    console.print(f"{name}: trained in {seconds:.0f} s")
    rows = training_rows(load_snapshot(trained.snapshot.sha256, settings.data), model).rows
    judged, chosen = trained.judged, trained.judged.candidates[0]
    return {
        "rows": len(rows),
        "snapshot": trained.snapshot.sha256,
        "content_sha256": trained.exported.content_sha256,
        "chosen": chosen.name,
        "params": dict(chosen.params),
        "folds": f"{model.validation.folds} folds, {model.validation.repeats} repeats",
        "development": {metric: asdict(judged.over_folds[metric]) for metric in MODELS[name]},
        "hold_out": {metric: asdict(judged.hold_out[metric]) for metric in MODELS[name]},
        "all_rows": _over_all_rows(model, rows, chosen.name, settings.data / "all_rows" / name),
        "served_as": trained.exported.form,
        "parity": trained.exported.parity.largest,
        "train_seconds": round(seconds, 1),
    }


def _over_all_rows(model: ModelFile, rows: TrainingRows, chosen: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Candidate, floor or baseline → metric → mean and deviation over the folds of all rows."""
    asked = with_candidates(model, (chosen,))
    asked = asked.model_copy(update={"candidates": (*asked.candidates, FLOOR)})
    found = _validated(asked, rows, folder)
    if RECENCY in model.inputs:
        found |= {"recency": _validated(_recency(model), rows, folder.with_name("recency"))["logistic"]}
    return found


def _validated(model: ModelFile, rows: TrainingRows, folder: Path) -> dict[str, dict[str, Any]]:
    def build(estimator: Any, needs_scaling: bool) -> Pipeline:
        inputs = [field for field in rows.inputs if field.name in model.inputs]
        return build_pipeline(model.features, inputs, estimator, needs_scaling=needs_scaling)

    folds = folds_of(rows, model.validation, model.task)
    store = RunStore(folder, key_of(rows, model))
    candidates = cross_validate(plan_of(model, build), rows, folds, store, NoProgress())
    return {
        each.name: {
            metric: asdict(found)
            for metric, found in fold_summary(model.task, rows.target, each.folds).items()
            if metric in MODELS[model.name]
        }
        for each in candidates
    }


def _recency(model: ModelFile) -> ModelFile:
    """How long ago the last purchase was, and nothing else."""
    only = {"inputs": {RECENCY: model.inputs[RECENCY]}, "features": Features(), "slices": ()}
    return model.model_copy(update={**only, "candidates": (Candidate(algorithm="logistic"),)})


def _table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="repeated cross-validation: mean ± standard deviation over folds", title_justify="left")
    for heading in (
        "model",
        "metric",
        "chosen",
        "on 80 % of the rows",
        "hold-out",
        "on all rows",
        "beside it, on all rows",
    ):
        table.add_column(heading)
    for name, found in figures.items():
        for metric in MODELS[name]:
            once, over_all = found["hold_out"][metric], found["all_rows"]
            table.add_row(
                name,
                metric,
                found["chosen"],
                _said(found["development"][metric]),
                f"{once['value']:.4g} ({once['low']:.4g} to {once['high']:.4g})",
                _said(over_all[found["chosen"]][metric]),
                ", ".join(f"{each} {over_all[each][metric]['mean']:.4g}" for each in _beside(over_all)),
            )
    return table


def _said(summary: Mapping[str, float]) -> str:
    return f"{summary['mean']:.4g} ± {summary['deviation']:.2g}"


def _beside(found: Mapping[str, object]) -> list[str]:
    shown = ("floor", "recency", "baseline_logistic", "baseline_linear")
    return [name for name in shown if name in found]


if __name__ == "__main__":
    main()
