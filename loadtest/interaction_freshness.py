"""How long from what somebody does to another answer, in the whole system: `make bench NAME=interaction_freshness`.

About 100 events a second come from people who ask, look and buy, through the API, with the sink and the processor
beside it. Meanwhile others buy, one after the other, what they were recommended first: from the POST until an answer
is without it is the freshness, and the time of the POST is shown beside it.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.testing import wait_until
from loadtest import results
from loadtest.interaction_faults import PIPELINE, environment_of
from loadtest.interaction_history import History
from loadtest.open_loop import quantile
from loadtest.shoppers import Shoppers

_EVERY_S = 0.01
_PAUSE_S = 0.05
_VISITS = 25.0
_WARM_EVENTS = 500


class Probe:
    """Buys, and asks until it is seen."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=20)
        self._numbers = itertools.count()
        self.posted: list[float] = []
        self.changed: list[float] = []

    def once(self) -> None:
        """One more time, of somebody new."""
        number = next(self._numbers)
        asked = {"user": f"probe-{number}", "count": "10", "surface": "home"}
        first = wait_until(lambda: self._items(asked), "recommendations", 60, every=0.1)[0]
        event = {"id": f"probe-{number}", "kind": "purchase", "user": asked["user"], "item": first, "value": 1}
        began = time.monotonic()
        self._http.post("/v1/events", json=event).raise_for_status()
        self.posted.append(time.monotonic() - began)
        wait_until(lambda: first not in self._items(asked), "another answer", 60, every=_EVERY_S)
        self.changed.append(time.monotonic() - began)

    def close(self) -> None:
        self._http.close()

    def _items(self, asked: dict[str, str]) -> list[str]:
        answer = self._http.get("/v1/recommendations", params=asked).raise_for_status().json()
        return [row["item"] for row in answer["items"]]


def measure(stack: Stack, events: int) -> dict[str, Any]:
    """So many purchases on a running pipeline."""
    history = History()
    shoppers = Shoppers(stack.url("serve_api"), history, "fresh", "home", seed=1, visits=_VISITS)
    shoppers.put_items()
    with shoppers, _probe(stack) as probe:
        wait_until(lambda: history.accepted > _WARM_EVENTS, "the load", 120)
        probe.once()
        probe.posted.clear()
        probe.changed.clear()
        began, before = time.monotonic(), history.accepted
        for _ in range(events):
            probe.once()
            time.sleep(_PAUSE_S)
        took = time.monotonic() - began
        per_second = (history.accepted - before) / took
    return {
        "about": "seconds from the POST of a purchase until an answer is without what was bought, asked again every "
        "10 ms, beside the load; and of the POST alone, which is answered when Kafka has it",
        "purchases": events,
        "events_per_second_beside": round(per_second, 1),
        "changed_s": _quantiles(probe.changed),
        "post_s": _quantiles(probe.posted),
        "failed_requests_beside": sum(history.statuses.values()),
    }


@contextmanager
def _probe(stack: Stack) -> Iterator[Probe]:
    probe = Probe(stack.url("serve_api"))
    try:
        yield probe
    finally:
        probe.close()


def _quantiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{round(share * 100)}": round(quantile(seconds, share), 3) for share in (0.5, 0.95, 0.99)} | {
        "max": round(max(seconds), 3)
    }


def main() -> None:
    """Measures, prints, and writes results/interaction_freshness.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200, help="purchases (200)")
    parser.add_argument("--no-write", dest="write", action="store_false")
    options = parser.parse_args()
    with TemporaryDirectory() as folder, temporary_stack(environment=environment_of(Path(folder))) as stack:
        stack.up(*PIPELINE)
        found = measure(stack, options.events)
    print(found)
    if options.write:
        print(f"written to {results.write('interaction_freshness', 'make bench NAME=interaction_freshness', found)}")


if __name__ == "__main__":
    main()
