"""What `/metrics` shows of serve_api, and the middleware that counts requests by route template."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_api.clients.metrics import ClientMetrics
from serve_api.events.metrics import EventMetrics
from serve_api.experiments.metrics import ExperimentMetrics
from serve_api.predictions.metrics import PredictionMetrics
from serve_api.recommendations.metrics import RecommendationMetrics

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SERVICE = "serve_api"
_METHODS = frozenset({"GET", "PUT", "HEAD", "OPTIONS", "POST", "DELETE", "PATCH"})


class Metrics:
    """The service's counters; labels are route templates, statuses, streams and reasons, never a device."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "headrace_api_requests_total", "Answers begun", ("service", "method", "route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "headrace_api_request_seconds",
            "From the request to the beginning of its answer",
            ("service", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.live_clients = Gauge(
            "headrace_api_live_clients", "Live streams open", ("service", "stream"), registry=registry
        )
        self.live_events = Counter(
            "headrace_api_live_events_total", "Events queued for live clients", ("service", "stream"), registry=registry
        )
        self.live_drops = Counter(
            "headrace_api_live_drops_total",
            "Events that a live client did not get",
            ("service", "stream", "reason"),
            registry=registry,
        )
        self.pushes = Counter(
            "headrace_api_pushes_total",
            "Pushes to sources, by what became of them",
            ("service", "outcome"),
            registry=registry,
        )
        for outcome in ("accepted", "keys_unusable"):
            # From 0 on: of a series that begins above 0, increase() never sees the first step.
            self.pushes.labels(SERVICE, outcome)
        self.store_errors = Counter(
            "headrace_api_store_errors_total", "Cassandra reads that failed", ("service", "kind"), registry=registry
        )
        self.predictions = PredictionMetrics(registry)
        self.recommendations = RecommendationMetrics(registry)
        self.clients = ClientMetrics(registry)
        self.events = EventMetrics(registry)
        self.experiments = ExperimentMetrics(registry)


class RequestMetrics:
    """ASGI middleware: counts and times every answer at its beginning, so that a live stream is timed like the rest."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope, message["status"], time.perf_counter() - begin)
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        except Exception:
            # The answer to an unexpected error is made outside of this middleware.
            self._count(scope, 500, time.perf_counter() - begin)
            raise

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = str(getattr(scope.get("route"), "path", "unmatched"))
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(SERVICE, method, route, str(status)).inc()
        self._metrics.seconds.labels(SERVICE, route).observe(seconds)
