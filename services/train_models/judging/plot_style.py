"""How plots look, and how they become SVG that stands in a page and follows its colours by day and by night.

Figures are drawn with matplotlib's objects alone, in fixed colours that are then replaced by the page's variables. The
series' colours are Okabe and Ito's, which people with any colour vision tell apart.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any, Literal, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

INK, SOFT, GRID, CARD = "#1c2430", "#5b6675", "#e2e6ec", "#fefefe"
BLUE, ORANGE, GREEN, RED, PURPLE = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, RED)
_VARIABLES: Mapping[str, str] = {
    INK: "--ink",
    SOFT: "--soft",
    GRID: "--line",
    CARD: "--card",
    BLUE: "--blue",
    ORANGE: "--orange",
    GREEN: "--green",
    RED: "--red",
    PURPLE: "--purple",
}
_COLOURS = re.compile("|".join(_VARIABLES), re.IGNORECASE)
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "headrace",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "path.simplify_threshold": 0.5,
}

Place = Literal["best", "upper right", "lower right"]
Draw = Callable[[Axes], None]


def picture(title: str, draw: Draw, *, width: float = 5.0, height: float = 3.5) -> str:
    """An SVG of one pair of axes, for use inside of a page whose style has the colours as variables.

    Args:
        title: read aloud in place of the picture.
        draw: is given the axes.
        width: inches; the page scales it.
    """
    with _settings():
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _in_page(text.getvalue(), title)


@contextmanager
def _settings() -> Iterator[None]:
    with mpl.rc_context(cast(Any, _SETTINGS)):
        yield


def _in_page(svg: str, title: str) -> str:
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r' (?:width|height)="[\d.]+pt"', "", body, count=2)
    body = _COLOURS.sub(lambda found: f"var({_VARIABLES[found[0].lower()]})", body)
    body = re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1system-ui, sans-serif", body)
    return body.replace("<svg", f'<svg class="plot" role="img" aria-label="{_attribute(title)}"', 1)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def thousands(*axes: Axis) -> None:
    """Writes 50k in place of 50000, where numbers are that great."""
    for axis in axes:
        low, high = axis.get_view_interval()
        if max(abs(low), abs(high)) >= 10_000:
            axis.set_major_formatter(EngFormatter(sep=""))


def legend(axes: Axes, place: Place = "best") -> None:
    """The names of the series, where there are any."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=place)
