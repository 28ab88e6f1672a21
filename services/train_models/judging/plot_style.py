"""How plots become SVG that stands in a page and follows its colours by day and by night.

Figures are drawn with matplotlib's objects alone, in fixed colours that are then replaced by the page's variables.
"""

import re
from collections.abc import Callable, Mapping
from io import StringIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headrace.plot_style import BLUE, CARD, GREEN, GRID, INK, ORANGE, PURPLE, RED, SOFT, plot_settings

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

Draw = Callable[[Axes], None]


def picture(title: str, draw: Draw, *, width: float = 5.0, height: float = 3.5) -> str:
    """An SVG of one pair of axes, for use inside of a page whose style has the colours as variables.

    Args:
        title: read aloud in place of the picture.
        draw: is given the axes.
        width: inches; the page scales it.
    """
    with plot_settings():
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _in_page(text.getvalue(), title)


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
