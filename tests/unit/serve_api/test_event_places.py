"""Requests that are taken at once are bounded, and slow large ones take no place from small ones."""

from contextlib import ExitStack

import pytest

from serve_api.events.places import SMALL_BYTES, EventPlaces
from serve_api.problems import Problem
from tests.api_clients import request

SMALL = request({"content-length": str(SMALL_BYTES)})
LARGE = request({"content-length": str(SMALL_BYTES + 1)})
UNKNOWN = request({"transfer-encoding": "chunked"})


def test_each_size_has_places_of_its_own_and_they_are_free_again() -> None:
    places = EventPlaces(32)
    with ExitStack() as held:
        for large in (LARGE, UNKNOWN):
            held.enter_context(places.one_for(large, "server"))
        with pytest.raises(Problem, match="2 large") as raised, places.one_for(LARGE, "server"):
            pass
        assert (raised.value.status, raised.value.kind, raised.value.retry_after) == (503, "busy", 2)
        for _ in range(32):
            held.enter_context(places.one_for(SMALL, "server"))
        with pytest.raises(Problem, match="32 small"), places.one_for(SMALL, "server"):
            pass
    with places.one_for(LARGE, "server"), places.one_for(SMALL, "server"):
        pass


def test_strangers_with_the_key_of_a_page_take_no_place_from_servers() -> None:
    places = EventPlaces(32)
    with ExitStack() as held:
        held.enter_context(places.one_for(UNKNOWN, "browser"))
        with pytest.raises(Problem, match="1 large requests of pages"), places.one_for(LARGE, "browser"):
            pass
        for _ in range(16):
            held.enter_context(places.one_for(SMALL, "browser"))
        with pytest.raises(Problem, match="16 small"), places.one_for(SMALL, "browser"):
            pass
        for each in (LARGE, LARGE, *[SMALL] * 32):
            held.enter_context(places.one_for(each, "server"))
