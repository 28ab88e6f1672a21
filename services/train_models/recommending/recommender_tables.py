"""The figures of a comparison as rows, for the terminal, the model card and the report."""

from rich.markup import escape
from rich.table import Table

from train_models.data.snapshots import Snapshot
from train_models.judging.wording import number
from train_models.recommending.comparison import Comparison
from train_models.recommending.fit import Params
from train_models.recommending.ranking_metrics import LABELS, NAMES, estimates
from train_models.recommending.ranks import Ranks
from train_models.recommending.recommender_file import RecommenderFile
from train_models.registry.mlflow_registry import RegisteredVersion

Rows = list[list[str]]
HEADINGS = ("", "parameters", "chosen by", *(LABELS[name] for name in (*NAMES, "coverage")))


def rows_of(model: RecommenderFile, found: Comparison) -> Rows:
    """A row for each candidate, the best first, then for each baseline; below `HEADINGS`."""
    rows = []
    for each in found.tried:
        chosen_by = f"{LABELS[model.gates.metric]} {number(each.chosen_by)}"
        rows.append([each.name, params_text(each.params), chosen_by, *_figures(model, found, each.judged)])
    for name, ranks in found.baselines.items():
        rows.append([name, "", "", *_figures(model, found, ranks)])
    return rows


def params_text(params: Params) -> str:
    """Such as `penalty 300`."""
    return ", ".join(f"{name} {value:g}" for name, value in params.items() if isinstance(value, int | float))


def trained_table(
    found: Comparison, rows: Rows, snapshot: Snapshot, version: RegisteredVersion, *, is_new: bool
) -> Table:
    """What `headrace models train` shows.

    Args:
        rows: of `rows_of`.
    """
    table = Table(box=None, header_style="bold", pad_edge=False, title_justify="left")
    already = "" if is_new else ", which was there already: the same interactions gave the same model"
    table.title = (
        f"version {version.version.version}{already}: {escape(found.chosen.name)} over {found.chosen.items:,} items\n"
        f"{snapshot.rows:,} rows in snapshot {snapshot.sha256[:12]}, {len(found.hold_out):,} cases judge"
    )
    for heading in HEADINGS:
        table.add_column(heading)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _figures(model: RecommenderFile, found: Comparison, ranks: Ranks) -> list[str]:
    if not len(ranks.ranks):
        return ["–"] * (len(NAMES) + 1)
    each = estimates(ranks, found.hold_out.people, model.validation.seed).values()
    return [
        *(f"{number(one.value)} ({number(one.low)} to {number(one.high)})" for one in each),
        f"{ranks.coverage:.1%}",
    ]
