"""Cursors."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_api import cursors
from serve_api.cursors import Cursor
from serve_api.problems import Problem


@settings(deadline=None)
@given(st.integers(0, 2**62), st.text())
def test_a_cursor_comes_back_as_it_was(time: int, name: str) -> None:
    cursor = Cursor("query", 1, 2, (time, name))
    assert cursors.read(cursors.write(cursor), "query", (int, str)) == cursor


@pytest.mark.parametrize("text", ["", "x", "!!", "e30", "bnVsbA", "ä", "WyJxIiwxXQ", "a" * 4_000])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="not a cursor"):
        cursors.read(text, "query", (int, str))


@pytest.mark.parametrize("other", [Cursor("other", 1, 2, (1, "a")), Cursor("query", 1, 2, ("a", "a"))])
def test_a_cursor_of_another_query_is_refused(other: Cursor) -> None:
    with pytest.raises(Problem, match="other parameters"):
        cursors.read(cursors.write(other), "query", (int, str))


def test_the_digest_tells_parameters_apart() -> None:
    assert cursors.digest("a", "b") != cursors.digest("ab", "")
    assert cursors.digest("a", None) != cursors.digest("a", "None")
