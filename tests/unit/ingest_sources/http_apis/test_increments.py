"""Which rows are new, over runs that begin anew or go on, in either order."""

from typing import Any

import msgspec
import pytest

from headrace.errors import ConfigurationError, TerminalError
from ingest_sources.http_apis.begun_anew import begun_anew
from ingest_sources.http_apis.http_source import Incremental
from ingest_sources.http_apis.increments import Increments
from ingest_sources.http_apis.last_rows import MAX_LAST
from ingest_sources.http_apis.marks import Mark
from ingest_sources.http_apis.position import Position, UnderWay
from ingest_sources.http_apis.seen_rows import MAX_ROWS

NOW_US = 1_700_000_000_000_000
Row = dict[str, Any]


class Runs:
    """Runs of one source, each with the position of the last."""

    def __init__(self, **options: Any) -> None:
        self.options = Incremental(**{"param": "since", "place": "at", "start": 0, **options})
        self.mark: Mark | None = None
        self.known: list[Any] = []

    def run(self, *rows: Row) -> list[Row]:
        """A run over rows; gives those that are new. It is broken off and goes on after each."""
        highest: Mark | None = None
        seen: list[Any] = []
        new: list[Row] = []
        for row in rows:
            increments = Increments(self.options, self.mark, self.known, highest, seen, NOW_US)
            new += [row] if increments.take(row) else []
            increments.check()
            highest, seen = increments.highest, increments.seen
        ended = Increments(self.options, self.mark, self.known, highest, seen, NOW_US)
        self.mark, self.known = ended.highest, ended.ended()
        return new


def row(number: int, at: Mark, **more: object) -> Row:
    return {"id": number, "at": at, **more}


@pytest.mark.parametrize("id_", [(), "id"])
def test_rows_of_the_highest_mark_count_once(id_: Any) -> None:
    runs = Runs(id=id_)
    assert len(runs.run(row(1, 5), row(2, 7), row(3, 7))) == 3
    assert runs.run(row(2, 7), row(3, 7), row(4, 7)) == [row(4, 7)]
    assert runs.run(row(4, 7), row(5, 8), row(2, 7)) == [row(5, 8)]
    assert runs.mark == 8


def test_newest_first_is_the_same() -> None:
    runs = Runs(id="id")
    assert len(runs.run(row(3, 7), row(2, 7), row(1, 5))) == 3
    assert runs.run(row(4, 9), row(3, 7), row(2, 7)) == [row(4, 9)]
    assert runs.run(row(4, 9)) == []


def test_row_that_changed_within_its_mark_is_new() -> None:
    runs = Runs(id="id")
    runs.run(row(1, 7, state="open"))
    assert runs.run(row(1, 7, state="closed")) == [row(1, 7, state="closed")]
    assert runs.run({"state": "closed", "at": 7, "id": 1}) == []


def test_rows_that_are_alike_are_as_many_as_come() -> None:
    runs = Runs()
    alike = {"at": 7, "value": 1}
    assert len(runs.run(alike, alike)) == 2
    assert runs.run(alike, alike, alike) == [alike]
    assert runs.run(alike, alike, alike) == []


@pytest.mark.parametrize("known", [0, 1])
def test_rows_alike_of_a_run_that_was_given_up_count_as_often_as_it_had_them(known: int) -> None:
    runs = Runs()
    alike = {"at": 7, "value": 1}
    runs.run(*[alike] * known)
    position = Position(mark=runs.mark, known=runs.known, run=UnderWay(pages=1))
    for each, expected in ((2, 4 - known), (3, 2)):
        new = 0
        for _ in range(each):
            # Broken off after each.
            run = position.run or UnderWay()
            increments = Increments(
                runs.options, position.mark, position.known, run.highest, run.seen, NOW_US, run.recent, run.again
            )
            new += increments.take(alike) + increments.take({"at": 9, "value": 1})
            run = UnderWay(pages=1, highest=9, seen=increments.seen, recent=increments.recent, again=increments.again)
            position = msgspec.structs.replace(position, run=run)
        assert new == expected
        position = begun_anew(position)


@pytest.mark.parametrize("id_", [(), "id"])
def test_rows_that_the_next_run_would_get_again_count_once_after_a_run_that_was_given_up(id_: Any) -> None:
    """However many: more than the last rows that are remembered."""
    options = Runs(id=id_).options
    rows = [row(number, 7) for number in range(2 * MAX_LAST)]
    first = Increments(options, None, (), None, (), NOW_US)
    assert all(map(first.take, rows))
    run = UnderWay(pages=1, highest=7, seen=first.seen, recent=first.recent)
    position = begun_anew(Position(run=run))
    assert position.run is not None
    anew = Increments(options, None, position.known, None, (), NOW_US, again=position.run.again)
    assert not any(map(anew.take, rows))
    assert anew.take(row(-1, 7))


def test_with_id_a_row_that_comes_twice_in_a_run_is_one() -> None:
    assert Runs(id="id").run(row(1, 7), row(1, 7)) == [row(1, 7)]


def test_run_without_the_known_rows_does_not_forget_them() -> None:
    runs = Runs(id="id")
    runs.run(row(1, 7))
    runs.run()
    assert runs.run(row(1, 7)) == []


def test_overlap_takes_late_rows_and_no_other_twice() -> None:
    runs = Runs(start="2020-01-01T00:00:00Z", overlap_seconds=60, id="id")
    early, late, last = (f"2020-01-01T00:0{minute}" for minute in ("1:30Z", "2:10Z", "2:20Z"))
    assert len(runs.run(row(1, "2020-01-01T00:00:10Z"), row(2, early), row(3, last))) == 3
    assert Increments(runs.options, runs.mark, runs.known, None, (), NOW_US).params == {"since": "2020-01-01T00:01:20Z"}
    assert runs.run(row(2, early), row(4, late), row(3, last)) == [row(4, late)]
    assert runs.run(row(2, early), row(4, late), row(3, last)) == []


def test_rows_below_what_was_asked_for_are_left_out() -> None:
    """An API that takes a day alone gives the whole day again."""
    runs = Runs(start="2020-01-01T00:00:00Z", id="id")
    rows = [row(number, f"2020-01-01T00:0{number}:00Z") for number in range(1, 6)]
    assert runs.run(*rows) == rows
    assert runs.run(*rows) == []


def test_clock_in_the_future_hides_no_rows() -> None:
    runs = Runs(start="2020-01-01", id="id")
    wrong = row(9, "2099-01-01")
    assert runs.run(row(1, "2023-01-01"), wrong) == [row(1, "2023-01-01"), wrong]
    assert runs.mark == "2023-01-01"
    assert runs.run(row(1, "2023-01-01"), wrong, row(2, "2023-01-02")) == [row(2, "2023-01-02")]
    assert runs.run(wrong) == []


def test_row_without_a_mark_is_refused_once() -> None:
    increments = Increments(Incremental(param="p", place="a.b", start=0), None, (), None, (), NOW_US)
    with pytest.raises(TerminalError, match=r"it has no a\.b"):
        increments.take({"a": {"c": 1}})
    assert increments.take_unmarked(b"{}")
    again = Increments(Incremental(param="p", place="a.b", start=0), 0, increments.ended(), None, (), NOW_US)
    assert not again.take_unmarked(b"{}")


def test_too_many_rows_of_one_mark_are_told() -> None:
    increments = Increments(Incremental(param="p", place="at", start=0), None, (), None, (), NOW_US)
    for number in range(MAX_ROWS + 1):
        increments.take(row(number, 7))
    with pytest.raises(ConfigurationError, match="25,000 rows have the highest mark"):
        increments.check()
