"""How `headrace models train` shows what a training came to."""

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from train_models.data.leak_scan import Finding
from train_models.train import Trained


def trained_table(trained: Trained) -> Table:
    """What was chosen, how good it is, and where it went."""
    judged, version = trained.judged, trained.version
    chosen = judged.candidates[0]
    table = Table(show_header=False, box=None)
    table.add_column(style="dim")
    # A hash that is cut short is none.
    table.add_column(overflow="fold")
    rows = trained.snapshot.rows
    table.add_row("rows", f"{rows:,} in snapshot {trained.snapshot.sha256[:12]}, {judged.hold_out_rows:,} held out")
    table.add_row("chosen", f"{escape(chosen.name)} of {sum(not each.is_baseline for each in judged.candidates)}")
    for name in dict.fromkeys((judged.metric, *_TOLD[judged.task])):
        folds, once = judged.over_folds.get(name), judged.hold_out.get(name)
        if folds is not None and once is not None:
            table.add_row(
                name,
                f"{folds.mean:.4f} ± {folds.deviation:.4f} over {folds.folds} folds, "
                f"hold-out {once.value:.4f} ({once.low:.4f} to {once.high:.4f})",
            )
    if judged.threshold is not None:
        table.add_row("threshold", f"{judged.threshold:.4f}, calibration {judged.calibration}")
    form = trained.exported.form + (f": {escape(trained.exported.reason)}" if trained.exported.reason else "")
    table.add_row("served as", f"{form}, within {trained.exported.parity.largest:.1e} of the fitted object")
    already = "" if trained.is_new else ", which was there already: the same rows gave the same model"
    table.add_row("version", f"{version.version.version}{already}")
    table.add_row("content", trained.exported.content_sha256)
    return table


_TOLD = {
    "classification": ("roc_auc", "average_precision", "f1", "log_loss", "brier"),
    "regression": ("rmse", "mae", "r2"),
}


def findings_table(findings: Iterable[Finding]) -> Table:
    """What the leak scan found and did not refuse."""
    table = Table(title="looked through for leaks", title_justify="left")
    for heading in ("input", "finding"):
        table.add_column(heading)
    for found in findings:
        table.add_row(escape(found.feature or "rows"), escape(found.message))
    return table
