"""Two public streams as moments: what a person did next, and when. Films people rated, and baskets of a web shop."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from headrace.interactions.records import Interaction, Item

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "interactions"
SITE = "judged"
_SECOND = 1_000_000
_YEAR = re.compile(r"\((\d{4})\)\s*$")
_PRODUCT = re.compile(r"\d{5}")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which somebody could have been recommended something.

    Attributes:
        time: microseconds.
        interactions: what the person did then.
        held_out: it is predicted and never learned.
    """

    subject: str
    time: int
    interactions: tuple[Interaction, ...]
    held_out: bool = False

    @property
    def targets(self) -> frozenset[str]:
        """What is to be predicted."""
        return frozenset(each.item for each in self.interactions if each.item is not None)


@dataclass(frozen=True, slots=True)
class Stream:
    """Moments in the order of time, and the items they are about."""

    name: str
    items: tuple[Item, ...]
    moments: tuple[Moment, ...]


def movies(folder: Path = DATA / "movietweetings" / "snapshots" / "100K") -> Stream:
    """100,000 ratings of films, each a moment; an item's tags are its genres and its year."""
    rows = [line.split("::") for line in (folder / "ratings.dat").read_text().splitlines()]
    rows.sort(key=lambda row: (int(row[3]), int(row[0]), row[1]))
    moments = tuple(
        Moment(user, int(at) * _SECOND, (_interaction(number, user, "rating", int(at) * _SECOND, film, float(value)),))
        for number, (user, film, value, at) in enumerate(rows)
    )
    films = [line.split("::") for line in (folder / "movies.dat").read_text().splitlines()]
    return Stream("movietweetings", tuple(_film(*film) for film in films), moments)


def shop(folder: Path = DATA / "uci-online-retail") -> Stream:
    """Invoices of customers that are known, each a moment; without cancellations, postage and fees."""
    rows = sorted(_shop_rows(sorted(folder.glob("*.csv"))), key=lambda row: (row[0], row[1]))
    titles: dict[str, str] = {}
    moments = []
    for (at, invoice, customer), basket in groupby(rows, key=lambda row: row[:3]):
        bought = {code: title for *_, code, title in basket}
        titles |= bought
        interactions = tuple(
            _interaction(f"{invoice}.{place}", customer, "purchase", at + place, code, None)
            for place, code in enumerate(bought)
        )
        moments.append(Moment(customer, at, interactions))
    items = tuple(Item(SITE, code, 0, title=title, created=0) for code, title in sorted(titles.items()))
    return Stream("uci-online-retail", items, tuple(moments))


def last_held_out(stream: Stream, least: int = 2) -> Stream:
    """The stream with the last moment of everybody with at least `least` of them held out."""
    have: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, moment in enumerate(stream.moments):
        have[moment.subject] = have.get(moment.subject, 0) + 1
        last[moment.subject] = place
    held_out = {place for subject, place in last.items() if have[subject] >= least}
    moments = tuple(
        replace(moment, held_out=True) if place in held_out else moment for place, moment in enumerate(stream.moments)
    )
    return replace(stream, moments=moments)


def _interaction(number: object, subject: str, kind: str, time: int, item: str, value: float | None) -> Interaction:
    return Interaction(str(number), SITE, subject, kind, time, time, item, value)  # type: ignore[arg-type]


def _film(film: str, title: str, genres: str) -> Item:
    tags = tuple(filter(None, genres.split("|")))
    year = _YEAR.search(title)
    created = None
    if year is not None:
        created = int(datetime(max(int(year[1]), 1970), 1, 1, tzinfo=UTC).timestamp()) * _SECOND
        tags = (*tags, year[1])
    return Item(SITE, film, 0, title=title, category=tags[0] if genres else None, tags=tags, created=created)


def _shop_rows(files: Iterable[Path]) -> Iterator[tuple[int, str, str, str, str]]:
    for file in files:
        with file.open(newline="", encoding="utf-8", errors="replace") as lines:
            for row in csv.DictReader(lines):
                if _is_bought(row):
                    at = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC)
                    yield (
                        int(at.timestamp()) * _SECOND,
                        row["InvoiceNo"],
                        row["CustomerID"],
                        row["StockCode"],
                        row["Description"].strip(),
                    )


def _is_bought(row: dict[str, str]) -> bool:
    return bool(
        row["CustomerID"]
        and not row["InvoiceNo"].startswith("C")
        and int(row["Quantity"]) > 0
        and float(row["UnitPrice"]) > 0
        and _PRODUCT.match(row["StockCode"])
    )
