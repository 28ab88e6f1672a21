"""How `headrace models` shows versions, promotions and verdicts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from headrace.models.records import ModelVersion, Promotion

if TYPE_CHECKING:
    from train_models.registry.gates import Verdict
    from train_models.registry.mlflow_registry import RegisteredVersion

_SHOWN_FIRST = ("hold_out_", "cv_")
_MARKS = {True: "[green]passed[/]", False: "[red]failed[/]", None: "[dim]told[/]"}


def models_table(counts: Mapping[str, int], promotions: Mapping[str, Promotion]) -> Table:
    """A line for each model.

    Args:
        counts: model → versions in the registry.
    """
    table = _table("model", "versions", "champion", "canary", "shadow", "before", "since", "reason")
    for name in sorted({*counts, *promotions}):
        found = promotions.get(name)
        roles = ("none", "", "", "", "", "") if found is None else _roles(found)
        table.add_row(name, str(counts.get(name, 0)), *roles)
    return table


def versions_table(versions: Sequence["RegisteredVersion"], promotion: Promotion | None) -> Table:
    """A line for each version of a model, with its role and what its hold-out says."""
    names = sorted({name for each in versions for name in each.metrics if _is_hold_out(name)})
    table = _table("version", "role", "algorithm", "made", *(name.removeprefix("hold_out_") for name in names), "data")
    for each in versions:
        values = (f"{each.metrics[name]:.4f}" if name in each.metrics else "" for name in names)
        algorithm = escape(each.tags.get("algorithm", ""))
        data = each.tags.get("data_sha256", "")[:8]
        table.add_row(
            str(each.version.version), _role(each.version, promotion), algorithm, _time(each.created), *values, data
        )
    return table


def comparison_table(first: "RegisteredVersion", second: "RegisteredVersion") -> Table:
    """A line for each metric that either version has, the hold-out's first."""
    one, other = f"version {first.version.version}", f"version {second.version.version}"
    table = _table("metric", one, other, "difference")
    for name in sorted({*first.metrics, *second.metrics}, key=_order):
        own, before = first.metrics.get(name), second.metrics.get(name)
        difference = f"{own - before:+.4f}" if own is not None and before is not None else ""
        table.add_row(name, _number(own), _number(before), difference)
    for tag in ("algorithm", "data_sha256", "data_rows", "code"):
        values = [escape(each.tags.get(tag, "")[:16]) for each in (first, second)]
        table.add_row(tag, *values, "" if values[0] == values[1] else "differs", style="dim")
    return table


def verdict_table(verdict: "Verdict") -> Table:
    """A line for each gate, with its figures."""
    table = Table("gate", "", "figures", box=None, header_style="bold", pad_edge=False)
    for gate in verdict.gates:
        table.add_row(escape(gate.name), _MARKS[gate.passed], escape(gate.detail))
    return table


def _roles(found: Promotion) -> tuple[str, ...]:
    canary = f"{found.canary.version} ({found.canary_share:.0%})" if found.canary else ""
    shadow = str(found.shadow.version) if found.shadow else ""
    before = ", ".join(str(each.version) for each in found.before[:3])
    return str(found.champion.version), canary, shadow, before, _time(found.updated), escape(found.reason)


def _role(version: ModelVersion, promotion: Promotion | None) -> str:
    if promotion is None:
        return ""
    roles = {"champion": promotion.champion, "canary": promotion.canary, "shadow": promotion.shadow}
    return next((role for role, holder in roles.items() if holder == version), "")


def _is_hold_out(name: str) -> bool:
    return name.startswith("hold_out_") and not name.endswith(("_low", "_high"))


def _order(name: str) -> tuple[int, str]:
    place = next((at for at, prefix in enumerate(_SHOWN_FIRST) if name.startswith(prefix)), len(_SHOWN_FIRST))
    return place, name


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _time(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%d %H:%M}"


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    words = ("model", "metric", "role", "reason", "algorithm")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in words else "right")
    return table
