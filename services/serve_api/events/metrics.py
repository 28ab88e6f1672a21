"""What `/metrics` shows of events and items that were sent."""

from prometheus_client import CollectorRegistry, Counter

SERVICE = "serve_api"
_EVENTS = ("accepted", "repeated", "refused", "unconfirmed", "no_subject")
_ITEMS = ("accepted", "refused", "unconfirmed")


class EventMetrics:
    """Counted one by one, whatever request they came in."""

    def __init__(self, registry: CollectorRegistry) -> None:
        events = Counter(
            "headrace_api_events_total",
            "Events sent, by outcome",
            ("service", "outcome"),
            registry=registry,
        )
        items = Counter("headrace_api_items_total", "Items sent, by outcome", ("service", "outcome"), registry=registry)
        self._events = {outcome: events.labels(SERVICE, outcome) for outcome in _EVENTS}
        self._items = {outcome: items.labels(SERVICE, outcome) for outcome in _ITEMS}

    def count_events(self, outcome: str, count: int) -> None:
        """Events that were accepted, repeated, refused or unconfirmed, or whose subjects could not be known."""
        self._events[outcome].inc(count)

    def count_items(self, outcome: str, count: int) -> None:
        """Items that were accepted, refused or unconfirmed."""
        self._items[outcome].inc(count)
