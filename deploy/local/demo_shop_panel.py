"""How the demo shows its shop: events in, recommendations out, and click-through by arm."""

from __future__ import annotations

from dataclasses import dataclass

from rich.panel import Panel

from deploy.local.demo_shop_state import ArmShown, ShopShown


@dataclass(frozen=True)
class ShopFigures:
    """What the API counts, the person at the page included, and what the shoppers' process says."""

    events: float
    event_rate: float
    answers: float
    answer_rate: float
    shown: ShopShown | None


def shop_panel(figures: ShopFigures | None, address: str) -> Panel:
    """A line of figures below the page's address."""
    return Panel(shop_line(figures), title=f"shop {address}", title_align="left")


def shop_line(figures: ShopFigures | None) -> str:
    """The same in one line."""
    if figures is None:
        return "nobody shops yet"
    events = f"events {figures.events:,.0f} ({figures.event_rate:,.0f}/s)"
    answers = f"recommendations {figures.answers:,.0f} ({figures.answer_rate:,.1f}/s)"
    if figures.shown is None:
        return f"{events}   {answers}"
    failed = f"   failed {figures.shown.failed}" if figures.shown.failed else ""
    return f"{events}   {answers}   click-through {_arms(figures.shown.arms)}{failed}"


def _arms(arms: dict[str, ArmShown]) -> str:
    told = [
        f"{name.rpartition(' ')[2]} {100 * found.click_through:.1f} % of {found.seen:,}"
        for name, found in sorted(arms.items())
        if found.click_through is not None
    ]
    return ", ".join(told) or "not known yet"
