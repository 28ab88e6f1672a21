"""A service's /metrics read directly, so that the demo and the benchmarks need no Prometheus."""

from __future__ import annotations

import http.client
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Samples:
    """The samples of one scrape: name → labels and value."""

    values: dict[str, list[tuple[dict[str, str], float]]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Samples:
        """Reads Prometheus's text format."""
        values: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                values[sample.name].append((dict(sample.labels), sample.value))
        return cls(dict(values))

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of a name that have these labels; 0 where there is none."""
        wanted = labels.items()
        return sum(value for found, value in self.values.get(name, ()) if wanted <= found.items())

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums of a name by one label."""
        sums: dict[str, float] = defaultdict(float)
        for labels, value in self.values.get(name, ()):
            sums[labels.get(label, "")] += value
        return dict(sums)


def get(url: str) -> bytes | None:
    """The body of a GET, or None where nobody answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http on loopback, built by us
            body: bytes = answer.read()
            return body if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None


def scrape(root_url: str) -> Samples | None:
    """A service's metrics now, or None where it does not answer."""
    body = get(f"{root_url}/metrics")
    return None if body is None else Samples.parse(body.decode())
