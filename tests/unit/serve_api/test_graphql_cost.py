"""What an operation costs is known before it runs, whatever it is made of."""

import pytest
from graphql import parse

from serve_api.graphql.cost import CALL, Cost, cost_of, extra_cost


def _cost(text: str, **variables: object) -> Cost:
    return cost_of(parse(text), None, variables)


def test_a_list_costs_its_fields_as_often_as_it_may_hold() -> None:
    assert _cost("{ trending(count: 4) { items { item title } } }") == Cost(CALL + 4 * 3, 1)


def test_the_count_may_be_a_variable_or_left_out() -> None:
    asked = "query($n: Int!) { trending(count: $n) { id } }"
    assert _cost(asked, n=50) == Cost(CALL + 50, 1)
    assert _cost("{ trending { id } }") == Cost(CALL + 10, 1)
    assert _cost("query($n: Int = 90) { trending(count: $n) { id } }") == Cost(CALL + 90, 1)
    assert _cost("query($n: Int = 90) { trending(count: $n) { id } }", n=4) == Cost(CALL + 4, 1)
    assert _cost("query($n: Int) { trending(count: $n) { id } }") == Cost(CALL + 10, 1)


def test_aliases_and_fragments_add_up() -> None:
    text = """
        {
            a: trending(count: 1) { ...f }
            b: similar(item: "x", count: 1) { ...f }
            item(item: "x") { ... on Item { title } }
        }
        fragment f on Recommendations { id surface }
    """
    assert _cost(text) == Cost(2 * (CALL + 2) + 2, 2)


def test_a_negative_or_huge_count_costs_what_it_would_be() -> None:
    assert _cost("{ trending(count: -5) { id } }").values == CALL + 1
    assert _cost("{ trending(count: 1000000) { id } }").values == CALL + 1_000_000


def test_events_cost_by_their_number() -> None:
    assert _cost("mutation($e: [JSON!]!) { sendEvents(events: $e) { accepted } }", e=[{}] * 7) == Cost(CALL + 7, 1)


@pytest.mark.parametrize("depth", [50])
def test_fragments_that_name_each_other_twice_are_reckoned_once(depth: int) -> None:
    parts = [f"fragment f{at} on Recommendations {{ ...f{at + 1} ...f{at + 1} }}" for at in range(depth)]
    text = "{ trending { ...f0 } } " + " ".join(parts) + f" fragment f{depth} on Recommendations {{ id }}"
    # One by one it would take years.
    assert _cost(text).values > 2**depth


def test_a_long_query_counts_for_several_requests() -> None:
    assert [extra_cost(size) for size in (300, 2_047, 2_048, 36_000, 65_536)] == [0, 0, 1, 17, 32]
