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
            held.enter_context(places.one_for(large))
        with pytest.raises(Problem, match="2 large") as raised, places.one_for(LARGE):
            pass
        assert (raised.value.status, raised.value.kind, raised.value.retry_after) == (503, "busy", 2)
        for _ in range(32):
            held.enter_context(places.one_for(SMALL))
        with pytest.raises(Problem, match="32 small"), places.one_for(SMALL):
            pass
    with places.one_for(LARGE), places.one_for(SMALL):
        pass
