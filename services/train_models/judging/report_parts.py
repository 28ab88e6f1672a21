"""Pieces of a report's page; what is called `text` is escaped here, and what is called `html` already is."""

from collections.abc import Iterable, Sequence
from html import escape

from train_models.judging.wording import legible


def safe(text: object) -> str:
    """A stranger's text, as it may stand in a page."""
    return escape(legible(str(text)))


def section(title: str, html: str, about: str = "") -> str:
    """A heading, a line about it, and what follows; nothing where nothing follows."""
    if not html:
        return ""
    said = f'<p class="soft">{safe(about)}</p>' if about else ""
    return f"<section><h2>{safe(title)}</h2>{said}{html}</section>"


def tile(title: str, value: str, note: str = "") -> str:
    """One number that stands out."""
    return f'<div class="card tile"><span class="soft">{safe(title)}</span><b>{safe(value)}</b>{_soft(note)}</div>'


def _soft(text: str) -> str:
    return f'<span class="soft">{safe(text)}</span>' if text else ""


def table(headings: Sequence[tuple[str, str]], rows: Iterable[str]) -> str:
    """A table: headings with their classes, and rows of HTML `<tr>`."""
    head = "".join(f'<th class="{name}">{safe(heading)}</th>' for heading, name in headings)
    body = "".join(rows)
    return f'<div class="card wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def row(cells: Iterable[tuple[object, str]], style: str = "") -> str:
    """A row of texts with their classes."""
    made = "".join(f'<td class="{name}">{safe(text)}</td>' for text, name in cells)
    return f'<tr class="{style}">{made}</tr>' if style else f"<tr>{made}</tr>"


def pictures(found: Iterable[tuple[str, str, str]]) -> str:
    """Pictures beside each other: title, SVG as HTML, and a line below."""
    made = "".join(
        f'<figure class="card picture"><h3>{safe(title)}</h3>{html}<figcaption>{safe(about)}</figcaption></figure>'
        for title, html, about in found
        if html
    )
    return f'<div class="pictures">{made}</div>' if made else ""
