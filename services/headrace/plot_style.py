"""How plots look: colours, sizes and the axes of large numbers and of times. Needs matplotlib.

The series' colours are Okabe and Ito's, which people with any colour vision tell apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from typing import Any, Literal, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import EngFormatter, StrMethodFormatter

INK, SOFT, GRID, CARD = "#1c2430", "#5b6675", "#e2e6ec", "#fefefe"
BLUE, ORANGE, GREEN, RED, PURPLE = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, RED)
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

Place = Literal["best", "upper left", "upper right", "lower right"]


@contextmanager
def plot_settings() -> Iterator[None]:
    """What is drawn and written inside looks as all plots do, whatever the machine's own settings are."""
    with mpl.rc_context(cast(Any, _SETTINGS)):
        yield


def thousands(*axes: Axis) -> None:
    """Writes 50k in place of 50000, and 5e+20 where numbers have no such names any more."""
    for axis in axes:
        low, high = axis.get_view_interval()
        greatest = max(abs(low), abs(high))
        if greatest >= 1e18:
            axis.set_major_formatter(StrMethodFormatter("{x:.4g}"))
        elif greatest >= 1e4:
            axis.set_major_formatter(EngFormatter(sep=""))


def time_axis(axis: Axis, zone: tzinfo = UTC) -> None:
    """Writes matplotlib's dates on an axis as short as they can be, three to seven of them."""
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=7)  # type: ignore[no-untyped-call]  # of matplotlib
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]  # of matplotlib


def legend(axes: Axes, place: Place = "best") -> None:
    """The names of the series, where there are any."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=place)
