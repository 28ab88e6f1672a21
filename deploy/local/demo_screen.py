"""How the demo looks: one screen redrawn in place, or a line now and then where the output is no terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.local.demo_figures import Figures, StageFigures
from deploy.local.demo_model_panel import model_line, model_panel
from deploy.local.demo_shop_panel import shop_line, shop_panel


@dataclass(frozen=True)
class Heading:
    """What stands above the figures: seconds since the command, and until the first data were stored; addresses."""

    elapsed: float
    first_stored: float | None
    addresses: Mapping[str, str]
    shop: str = ""


def screen(heading: Heading, figures: Figures) -> RenderableType:
    """The whole screen."""
    return Group(
        Text(f"Headrace   {heading.elapsed:,.0f} s   {_first_data(heading)}   Ctrl-C ends it", style="bold"),
        # Above what a low terminal cuts off.
        _addresses(heading.addresses),
        shop_panel(figures.shop, heading.shop),
        _stages(figures),
        _sources(figures),
        model_panel(figures.model),
        _dead_letters(figures),
        _anomalies(figures),
    )


def line(heading: Heading, figures: Figures) -> str:
    """The same in one line."""
    stages = "  ".join(
        f"{f.stage.service} {f.rate_in:,.0f}/s in {f.rate_out:,.0f}/s out lag {f.lag:,.0f}" if f.up else _away(f)
        for f in figures.stages
    )
    dead = sum(figures.dead_letters.values())
    sources = "  ".join(f"{f.name} {f.delivered:,.0f}" for f in figures.sources)
    return (
        f"{heading.elapsed:.0f} s  {_first_data(heading)}  {stages}  sources: {sources}  dead letters {dead:,.0f}  "
        f"{model_line(figures.model)}  shop {heading.shop}: {shop_line(figures.shop)}"
    )


def _first_data(heading: Heading) -> str:
    if heading.first_stored is None:
        return "no data in Cassandra yet"
    return f"first data in Cassandra after {heading.first_stored:.1f} s"


def _away(figures: StageFigures) -> str:
    return f"{figures.stage.service} away"


def _stages(figures: Figures) -> Table:
    table = Table(expand=True)
    table.add_column("service")
    for heading in ("in /s", "", "out /s", "", "out in all", "lag"):
        table.add_column(heading, justify="right" if heading else "left")
    for f in figures.stages:
        if f.up:
            rates = (f"{f.rate_in:,.1f}", f.stage.takes, f"{f.rate_out:,.1f}", f.stage.gives)
            table.add_row(f.stage.service, *rates, f"{f.total_out:,.0f}", f"{f.lag:,.0f}")
        else:
            table.add_row(f.stage.service, Text("away", style="red"))
    return table


def _sources(figures: Figures) -> Table:
    table = Table(title="sources", title_justify="left", expand=True)
    for heading in ("source", "rows /s", "delivered", "rejected", ""):
        table.add_column(heading, justify="left" if heading in ("source", "") else "right")
    for f in figures.sources:
        state = Text("away, tried again", style="red") if f.is_failing else ""
        table.add_row(f.name, f"{f.rate:,.1f}", f"{f.delivered:,.0f}", f"{f.rejected:,.0f}", state)
    return table


def _dead_letters(figures: Figures) -> Panel:
    ordered = sorted(figures.dead_letters.items(), key=lambda item: -item[1])
    text = "   ".join(f"{reason} {count:,.0f}" for reason, count in ordered if count)
    return Panel(text or "none", title="dead letters by reason", title_align="left")


def _anomalies(figures: Figures) -> Table:
    table = Table(title="last anomalies", title_justify="left", expand=True)
    for heading in ("time", "device", "metric", "value", "score", "reason"):
        share = 1 if heading == "reason" else None
        table.add_column(heading, "", justify="right" if heading in ("value", "score") else "left", ratio=share)
    for found in figures.anomalies:
        value, score = f"{found['value']:,.2f}", f"{found['score']:,.1f}"
        table.add_row(found["time"][11:19], found["device"], found["metric"], value, score, Text(found["reason"]))
    return table


def _addresses(addresses: Mapping[str, str]) -> Text:
    return Text("   ".join(f"{name} {url}" for name, url in addresses.items()), style="cyan")
