"""How `headrace models` shows the versions of an online model and how good they were."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from headrace.models.online import OnlineModel
from headrace.models.records import Promotion
from train_models.judging.wording import label, number
from train_models.online.block_losses import BlockLosses
from train_models.online.online_gates import base_name, is_root, metric_label, metric_of
from train_models.online.prequential import PREFIX, Prequential

if TYPE_CHECKING:
    from train_models.registry.mlflow_registry import RegisteredVersion

RANGE_TAG, OUTCOMES = f"{PREFIX}range", f"{PREFIX}outcomes"
"""What a version has in the registry besides its metrics: of which periods they are, and over how many outcomes."""
_LABELS = {"mase": "MASE", "rmsse": "RMSSE"}


def role_of(model: OnlineModel, version: int, promotion: Promotion | None) -> str:
    """What a version is in process_predictions now."""
    numbers = [variant.version for variant in model.variants]
    if version not in numbers:
        return "not in the file"
    champion = promotion.champion.version if promotion else numbers[0]
    return "champion" if version == champion else "challenger"


def online_versions_table(
    model: OnlineModel, versions: Sequence["RegisteredVersion"], promotion: Promotion | None
) -> Table:
    """A line for each version, with what was noted when it was last judged."""
    names = {variant.version: variant.name for variant in model.variants}
    shown = [name for name in _metric_names(model) if any(f"{PREFIX}{name}" in each.metrics for each in versions)]
    table = _table("version", "variant", "role", "outcomes", *(metric_name(model, name) for name in shown), "periods")
    for each in versions:
        found = {name.removeprefix(PREFIX): value for name, value in each.metrics.items()}
        version = each.version.version
        table.add_row(
            str(version),
            names.get(version, ""),
            role_of(model, version, promotion),
            f"{found['outcomes']:,.0f}" if "outcomes" in found else "not judged",
            *(number(found.get(name, math.nan)) for name in shown),
            escape(each.tags.get(RANGE_TAG, "")),
        )
    return table


def shared_table(model: OnlineModel, blocks: BlockLosses) -> Table:
    """The metric by which versions are compared, of each and of the forecast without a model, on the same periods."""
    metric = metric_of(model)
    table = _table("forecast", metric_label(metric), "periods")
    for name, losses in (
        *((f"version {version}", losses) for version, losses in blocks.of.items()),
        (base_name(model), blocks.base),
    ):
        table.add_row(name, number(blocks.mean(losses, is_root(metric))), f"{blocks.count:,}")
    return table


def figures_table(model: OnlineModel, found: Mapping[int, Prequential]) -> Table:
    """A line for each version with all its metrics."""
    headings, rows = figures_rows(model, found)
    table = _table(*headings)
    for cells in rows:
        table.add_row(*cells)
    return table


def figures_rows(model: OnlineModel, found: Mapping[int, Prequential]) -> tuple[list[str], list[list[str]]]:
    """Headings, and the texts below them for each version."""
    names = [metric_name(model, name) for name in _metric_names(model)]
    rows = []
    for version, figures in found.items():
        values = [number(value) for value in figures.metrics(model).values()]
        rows.append([str(version), f"{figures.outcomes:,}", f"{figures.series:,}", *values, figures.span])
    return ["version", "outcomes", "series", *names, "periods"], rows


def metric_name(model: OnlineModel, name: str) -> str:
    """A metric of `Prequential.metrics` as a heading."""
    if name.startswith("base_"):
        whose = "last value's" if model.predicts == "mean" else "share's"
        return f"{whose} {label(name.removeprefix('base_'))}"
    return _LABELS.get(name, label(name))


def _metric_names(model: OnlineModel) -> list[str]:
    nothing = Prequential(0, 0, 0, 0, 0.0, 0.0, None, None, None, None)
    return list(nothing.metrics(model))


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("variant", "role", "forecast", "periods") else "right")
    return table
