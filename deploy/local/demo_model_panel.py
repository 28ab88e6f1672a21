"""How the demo shows its model: which version answers, how good it was thought to be, and how good it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.local.demo_model_state import ModelShown, VersionShown

_WIDE = "mean error on held-out rows"
_HEADINGS = ("model", "version", "role", "algorithm", "trained", "rows", _WIDE, "answers", "mean error", "last value's")
_COMPARED = re.compile(r"better than (?P<other>.+?): \w+ (?P<own>\S+) against (?P<before>\S+) on (?P<rows>\d+) rows")


def model_panel(shown: ModelShown | None) -> RenderableType:
    """A line for each version, and what is done now."""
    table = Table(title="models", title_justify="left", expand=True)
    for heading in _HEADINGS:
        is_text = heading in ("model", "role", "algorithm", _WIDE)
        table.add_column(heading, justify="left" if is_text else "right", ratio=1 if heading == _WIDE else None)
    if shown is None:
        return Group(table, Text("no model is asked yet", style="dim"))
    for version in shown.versions:
        style = "bold" if version.role == "champion" else "dim"
        table.add_row(shown.name, *_cells(shown, version), style=style)
    return Group(table, *(Text(line, style=style) for line, style in _notes(shown)))


def model_line(shown: ModelShown | None) -> str:
    """The same in a few words."""
    if shown is None:
        return "model: none yet"
    champion = next((version for version in shown.versions if version.role == "champion"), None)
    if champion is None:
        return f"model {shown.name}: {shown.doing or 'none answers'}"
    error = "" if champion.answered_error is None else f" error {champion.answered_error:.2f}"
    answers = f"version {champion.number} ({champion.algorithm}) {shown.rate:.0f} answers/s{error}"
    others = f" before: {before}" if (before := _before(shown)) else ""
    return f"model {shown.name}: {answers} failed {shown.failed}{others}"


def _cells(shown: ModelShown, version: VersionShown) -> tuple[str, ...]:
    trained = f"{datetime.fromtimestamp(version.created / 1e6, UTC):%H:%M:%S}"
    return (
        str(version.number),
        version.role,
        version.algorithm,
        trained,
        f"{version.rows:,}",
        _on_hold_out(shown, version),
        f"{version.answers:,}",
        _number(version.answered_error),
        _number(version.last_error),
    )


def _on_hold_out(shown: ModelShown, version: VersionShown) -> str:
    """Its error there, beside that of what it had to be better than."""
    found = _COMPARED.search(shown.reasons.get(version.number, ""))
    if found is None:
        return _number(version.error)
    other = found["other"].replace("_", " ")
    return f"{float(found['own']):.2f}, {other} {float(found['before']):.2f} ({found['rows']} rows)"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _notes(shown: ModelShown) -> list[tuple[str, str]]:
    notes = []
    if shown.answers:
        swap = f"   swapped live: {shown.swap}" if shown.swap else ""
        told = f"{shown.rate:.0f} answers/s, {shown.answers:,} in all, {shown.failed} failed{swap}"
        notes.append((told, "red" if shown.failed else "green"))
    if shown.refused:
        notes.append((f"not promoted: {shown.refused}", "yellow"))
    if shown.doing:
        notes.append((shown.doing, "dim"))
    return notes


def _before(shown: ModelShown) -> str:
    found = [version for version in shown.versions if version.role == "before" and version.answered_error is not None]
    return ", ".join(f"version {each.number} error {each.answered_error:.2f}" for each in found)
