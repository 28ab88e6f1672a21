"""Rows that are what people did: an interaction each under a subject, with an id that stays, and no value in clear."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl
import pytest
from pydantic import ValidationError

from headrace.errors import ConfigurationError, Reason, TransientError
from headrace.interactions.records import Interaction
from headrace.records import decode
from headrace.streams.batch import OutRecord
from headrace.subjects.personal import decrypt_personal
from headrace.subjects.subject import Subject, new_subject
from ingest_sources.files.file_source import FileSource
from ingest_sources.interaction_rows import interactions
from ingest_sources.into import IntoInteractions
from ingest_sources.prepare import Prepared, Preparer
from ingest_sources.preview import MadeUpPeople
from ingest_sources.quality.known_columns import check_clear_columns
from ingest_sources.records import to_records
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, Rows
from ingest_sources.rules.apply import RuleSet

DAY = 1_291_190_400_000_000
ORIGIN = Origin("shop", "day.csv", 1_700_000_000_000_000)
INTO = {
    "topic": "interactions.raw",
    "user": "{customer}",
    "kind": "purchase",
    "item": "{sku}",
    "value": "total",
    "quantity": "count",
    "personal": ["email"],
}


class People:
    """Subjects in memory; notes each look."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Subject] = {}
        self.looks: list[tuple[str, Sequence[str]]] = []

    def subjects_of(self, site: str, names: Sequence[str]) -> list[Subject]:
        self.looks.append((site, names))
        return [self.found.setdefault((site, name), new_subject()) for name in names]


def table(**columns: list[object]) -> pl.DataFrame:
    height = len(next(iter(columns.values()), [None]))
    full: dict[str, list[object]] = {
        ROW: list(range(1, height + 1)),
        "customer": ["17850"] * height,
        "sku": ["85123A"] * height,
        "time": [DAY] * height,
        "total": [15.3] * height,
        "count": [6] * height,
        "email": ["jo@example.org"] * height,
    }
    return pl.DataFrame({**full, **columns}, strict=False)


def source_of(rules: Sequence[object] = (), personal: Sequence[str] = (), **into: Any) -> FileSource:
    content = {"name": "shop", "kind": "files", "folder": "shop", "rules": rules, "personal": personal}
    return FileSource.model_validate({**content, "into": {**INTO, **into}})


def into_of(**changes: Any) -> IntoInteractions:
    into = source_of(**changes).into
    assert isinstance(into, IntoInteractions)
    return into


def read(record: OutRecord) -> Interaction:
    found = decode(record.value, record.headers)
    assert isinstance(found, Interaction)
    return found


def one(people: People | None = None, into: IntoInteractions | None = None, **columns: list[object]) -> Interaction:
    records, refused = interactions(table(**columns), into or into_of(), ORIGIN, people or People(), lambda _: False)
    assert refused == []
    return read(records[0])


def prepared(source: FileSource, rows: pl.DataFrame) -> Prepared:
    rules = RuleSet(source.rules, personal=source.personal_columns)
    return Preparer(source, rules, people=People()).prepare(Rows(rows, (), rows.height), ORIGIN)


def test_row_is_an_interaction_of_its_persons_subject_with_the_time_that_it_has() -> None:
    people = People()
    records, refused = to_records(table(sku=["85123A", "71053"]), into_of(), ORIGIN, people=people)
    assert refused == []
    subject = people.found["default", "17850"]
    assert [(r.topic, r.key) for r in records] == [("interactions.raw", subject.id.encode())] * 2
    first = read(records[0])
    assert (first.kind, first.item, first.value, first.quantity, first.time) == ("purchase", "85123A", 15.3, 6, DAY)
    assert (first.site, first.subject, first.received) == ("default", subject.id, ORIGIN.received)
    assert decrypt_personal(subject, first.personal or "") == {"email": "jo@example.org"}
    headers = dict(records[1].headers)
    assert (headers["source"], headers["source.file"], headers["source.row"]) == (b"shop", b"day.csv", b"2")


def test_neither_user_nor_session_nor_personal_values_stand_anywhere_in_clear() -> None:
    into = into_of(session="{visit}")
    records, _ = interactions(table(visit=["visit-536365"]), into, ORIGIN, People(), lambda _: True)
    everything = b"".join([records[0].key or b"", records[0].value or b"", *(value for _, value in records[0].headers)])
    for secret in (b"17850", b"visit-536365", b"jo@example"):
        assert secret not in everything


def test_people_are_looked_up_once_for_all_rows() -> None:
    people = People()
    customers: list[object] = [str(number % 7) for number in range(10_000)]
    records, _ = interactions(table(customer=customers), into_of(), ORIGIN, people, lambda _: True)
    assert [(site, len(names)) for site, names in people.looks] == [("default", 7)]
    assert len(records) == 10_000


def test_id_of_a_row_stays_and_another_row_at_its_place_has_another() -> None:
    first = one()
    assert one().id == first.id
    assert first.flags == ()
    assert one(sku=["71053"]).id != first.id
    assert one(time=[DAY + 1]).id != first.id
    records, _ = interactions(table(sku=["a", "a"]), into_of(), ORIGIN, People(), lambda _: True)
    assert len({read(record).id for record in records}) == 2


def test_id_of_columns_is_as_they_say_unless_one_is_personal() -> None:
    people = People()
    into = into_of(id="{order}/{sku}")
    assert one(people, into, order=["536365"]).id == "536365/85123A"
    records, _ = interactions(table(order=["536365"]), into, ORIGIN, people, lambda name: name == "order")
    hidden = read(records[0]).id
    assert "536365" not in hidden
    again, _ = interactions(table(order=["536365"]), into, ORIGIN, people, lambda name: name == "order")
    assert read(again[0]).id == hidden
    of_another, _ = interactions(
        table(order=["536365"], customer=["9"]), into, ORIGIN, people, lambda name: name == "order"
    )
    assert read(of_another[0]).id != hidden


def test_row_without_a_user_is_its_sessions_and_one_without_both_is_refused() -> None:
    people = People()
    into = into_of(session="{visit}")
    rows = table(customer=["17850", None, None], visit=["v1", "v2", None])
    records, refused = interactions(rows, into, ORIGIN, people, lambda _: True)
    assert set(people.found) == {("default", "17850"), ("default", "session:v2")}
    assert [read(record).session is not None for record in records] == [True, True]
    assert [(row.number, row.reason) for row in refused] == [(3, Reason.REFUSED_BY_RULE)]
    assert "user, of customer: send user, or session" in refused[0].detail


def test_what_the_api_refuses_is_refused_with_the_column_and_the_value() -> None:
    rows = table(count=[0, 2], sku=["a", ""])
    records, refused = interactions(rows, into_of(), ORIGIN, People(), lambda _: False)
    assert records == []
    assert "quantity, of count: 0 is no whole number" in refused[0].detail
    assert "item, of sku: it is missing" in refused[1].detail


def test_sites_are_told_apart() -> None:
    people = People()
    records, _ = interactions(table(shop=["north", "south"]), into_of(site="{shop}"), ORIGIN, people, lambda _: True)
    assert [read(record).site for record in records] == ["north", "south"]
    assert set(people.found) == {("north", "17850"), ("south", "17850")}


def test_subjects_that_can_not_be_known_refuse_no_row() -> None:
    class Away:
        def subjects_of(self, site: str, names: Sequence[str]) -> list[Subject]:
            raise TransientError("Cassandra is away")

    with pytest.raises(TransientError, match="away"):
        to_records(table(), into_of(), ORIGIN, people=Away())


def test_missing_column_is_named_and_a_free_form_row_without_it_is_judged_by_itself() -> None:
    rows = table().drop("count")
    with pytest.raises(ConfigurationError, match="no column count"):
        to_records(rows, into_of(), ORIGIN, people=People())
    records, refused = to_records(rows, into_of(), ORIGIN, is_free_form=True, people=People())
    assert (len(records), refused) == (1, [])


def test_dead_letters_show_no_personal_value_by_whatever_name_it_came() -> None:
    rules = [
        {"rename": {"CustomerID": "raw_customer"}},
        {"derive": {"customer": "concat(raw_customer, '-', branch)"}},
        {"range": {"column": "count", "min": 1}},
        {"match": {"column": "customer", "regex": "^[0-9]+-[a-z]+$"}},
    ]
    rows = table(count=[0, 3, 3]).drop("customer").with_columns(
        CustomerID=pl.Series(["17850", "odd17851", "17852"]), branch=pl.Series(["secretplace", "x", "y"]),
        sku=pl.Series(["a", "b", None]),
    )  # fmt: skip
    found = prepared(source_of(rules), rows)
    assert len(found.bad) == 3
    text = repr(found.bad)
    for secret in ("17850", "17851", "17852", "secretplace", "jo@example"):
        assert secret not in text
    assert json.loads(found.bad[0].original)["count"] == 0
    assert json.loads(found.bad[0].original)["CustomerID"] == "(personal)"


def test_refused_event_tells_the_value_of_what_is_not_personal_alone() -> None:
    found = prepared(source_of(), table(count=[-3], email=["x" * 600]))
    (bad,) = found.bad
    assert "-3 is no whole number" in bad.detail
    assert "personal, of email: send a text of at most 512 characters" in bad.detail
    assert "600" not in bad.detail


@pytest.mark.parametrize(
    ("into", "what"),
    [
        ({"user": None}, "says not whose rows are"),
        ({"user": "42"}, "says not whose rows are"),
        ({"kind": "bought"}, "kind 'bought' is none of"),
        ({"item": "{sku"}, "brace without its other one"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_mistakes_in_the_file_are_told(into: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        source_of(**into)


def test_row_of_no_site_is_refused_and_the_others_are_taken() -> None:
    people = People()
    rows = table(shop=["north", "", None, "south"])
    records, refused = interactions(rows, into_of(site="{shop}"), ORIGIN, people, lambda _: True)
    assert [read(record).site for record in records] == ["north", "south"]
    assert [site for site, _ in people.looks] == ["north", "south"]
    assert [(row.number, row.detail) for row in refused] == [
        (number, "site '{shop}': a column of it is empty") for number in (2, 3)
    ]


@pytest.mark.parametrize(
    "into",
    [
        {"context": ["email"]},
        {"item": "{customer}"},
        {"context": ["made"]},
        {"value": "email"},
        {"quantity": "customer"},
        {"time": "made"},
    ],
)
def test_personal_column_that_would_stand_in_clear_is_a_mistake(into: dict[str, Any]) -> None:
    rules = [{"derive": {"made": "upper(customer)"}}]
    with pytest.raises(ConfigurationError, match="is personal, and would be written in clear"):
        check_clear_columns(source_of(rules, **into))
    check_clear_columns(source_of(rules, context=["count"]))


def test_pseudonym_may_stand_in_clear() -> None:
    check_clear_columns(source_of([{"pseudonymise": {"columns": ["customer"], "key": "shop"}}], context=["customer"]))


def test_old_events_are_taken_and_those_without_a_time_have_that_of_their_reading() -> None:
    assert one(time=[DAY - 10**14]).time == DAY - 10**14
    assert one(time=[None]).time == ORIGIN.received


def test_people_of_a_preview_are_nobody() -> None:
    people = MadeUpPeople()
    first, again = people.subjects_of("default", ["a", "b"]), people.subjects_of("default", ["b", "a"])
    assert first == again[::-1]
    assert first[0] != first[1]
    assert MadeUpPeople().subjects_of("default", ["a"])[0] != first[0]


def test_all_kinds_of_fields_come_through() -> None:
    into = into_of(
        kind="{what}", value=None, quantity=None, recommendation="{answer}", position="place", context=["page", "day"]
    )
    rows = table(what=["click"], answer=["r1"], place=[3], page=["home"]).with_columns(
        day=pl.lit("2026-01-31").str.to_date()
    )
    records, refused = interactions(rows, into, ORIGIN, People(), lambda _: False)
    assert refused == []
    found = msgspec.structs.asdict(read(records[0]))
    assert found["context"] == {"page": "home", "day": "2026-01-31"}
    assert (found["kind"], found["recommendation"], found["position"]) == ("click", "r1", 3)
