"""Small lines of a few numbers, as SVG that stands in a page."""

from collections.abc import Sequence
from html import escape

_WIDTH = 120.0
_HEIGHT = 28.0
_EDGE = 3.0


def sparkline(values: Sequence[float], title: str, marks: Sequence[bool] = (), least: float = 1.0) -> str:
    """A line from the oldest to the newest value, on a scale from 0.

    Args:
        title: what it is, read aloud and shown under the mouse.
        marks: which values stand out.
        least: the top of the scale is not below it, so that what is little looks little.
    """
    if not values:
        return ""
    points = _points(values, least)
    shape = f'class="spark" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="xMinYMid" role="img"'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{points[0][0]:.1f},{_HEIGHT:g} {line} {points[-1][0]:.1f},{_HEIGHT:g}"
    dots = [_dot(points[-1], "last")]
    dots += [_dot(point, "mark") for point, is_marked in zip(points, marks, strict=False) if is_marked]
    drawn = f'<polygon class="area" points="{area}"/><polyline class="line" points="{line}"/>'
    return f"<svg {shape}><title>{escape(title)}</title>{drawn}{''.join(dots)}</svg>"


def _points(values: Sequence[float], least: float) -> list[tuple[float, float]]:
    top = max(*values, least)
    step = (_WIDTH - 2 * _EDGE) / max(1, len(values) - 1)
    room = _HEIGHT - 2 * _EDGE
    first = _EDGE if len(values) > 1 else _WIDTH - _EDGE
    return [(first + step * at, _HEIGHT - _EDGE - room * max(0.0, value) / top) for at, value in enumerate(values)]


def _dot(point: tuple[float, float], name: str) -> str:
    return f'<circle class="{name}" cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="2.6"/>'
