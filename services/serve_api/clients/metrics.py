"""What `/metrics` shows of clients, whose names are those of the file."""

from prometheus_client import CollectorRegistry, Counter, Gauge

SERVICE = "serve_api"
UNKNOWN = "unknown"


class ClientMetrics:
    """Requests that were refused, and whether the file counts as it is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._refused = Counter(
            "headrace_api_refused_clients_total",
            "Requests that were refused for who asked, or how often",
            ("service", "client", "reason"),
            registry=registry,
        )
        self._unusable = Gauge(
            "headrace_api_clients_unusable",
            "1 while the file of clients is wrong, and what it held before counts",
            ("service",),
            registry=registry,
        )
        self._unusable.labels(SERVICE).set(0)
        for reason in ("no_key", "unknown_key"):
            # From 0 on: of a series that begins above 0, increase() never sees the first step.
            self._refused.labels(SERVICE, UNKNOWN, reason)

    def count(self, client: str, reason: str) -> None:
        """A request was refused."""
        self._refused.labels(SERVICE, client, reason).inc()

    def show_usable(self, is_usable: bool) -> None:
        """The file was read, or is wrong."""
        self._unusable.labels(SERVICE).set(0 if is_usable else 1)
