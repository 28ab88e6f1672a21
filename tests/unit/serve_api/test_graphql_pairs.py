"""What would be long to validate is refused before it is: by how often its fields are there, fragments put in."""

import pytest
from graphql import parse

from serve_api.graphql.pairs import check_pairs
from serve_api.problems import Problem


def _refused(text: str) -> str:
    with pytest.raises(Problem) as refused:
        check_pairs(parse(text))
    assert refused.value.status == 422
    return refused.value.kind


def test_what_people_ask_passes() -> None:
    row = "{ id items { item title category price reasons score source position explored } }"
    check_pairs(parse("{ " + " ".join(f"a{at}: trending {row}" for at in range(20)) + " }"))
    check_pairs(parse("{ trending { ...f } similar(item: 1) { ...f } } fragment f on Recommendations { id }"))


@pytest.mark.parametrize("depth", [20, 100])
def test_fragments_that_name_each_other_twice_are_refused_at_once(depth: int) -> None:
    parts = [f"fragment f{at} on Recommendations {{ ...f{at + 1} ...f{at + 1} }}" for at in range(depth)]
    text = "{ trending { ...f0 } } " + " ".join(parts) + f" fragment f{depth} on Recommendations {{ id }}"
    # The limits of depth and aliases would take 2^depth steps.
    assert _refused(text) == "too-costly"


@pytest.mark.parametrize(
    "text",
    [
        "{ trending { " + "id " * 900 + "} }",
        "{ trending { " + "... { id } " * 200 + "} }",
        "{ trending { id } } fragment f on Recommendations { " + "id " * 900 + "}",
        "{ trending { ...f } } fragment f on Recommendations { " + "id " * 200 + "}",
    ],
)
def test_fields_of_one_name_are_bounded_as_all_are_compared(text: str) -> None:
    assert _refused(text) == "too-costly"


def test_fragments_that_are_missing_or_in_a_circle_are_named() -> None:
    assert _refused("{ trending { ...f } }") == "unknown-fragment"
    circle = "fragment a on Recommendations { ...b } fragment b on Recommendations { ...a }"
    assert _refused("{ trending { ...a } } " + circle) == "fragment-in-itself"
    assert _refused("{ trending { id } } " + circle) == "fragment-in-itself"
