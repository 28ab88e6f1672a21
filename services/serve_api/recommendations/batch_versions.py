"""Promoted versions of recommenders → what each site's answers are made with."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from headrace.models.deployments import Deployment
from headrace.models.shares import share_of
from headrace.recommend.batch_model import BatchModel

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SiteBatch:
    """A site's batch model.

    Attributes:
        name: of the model.
        canary: what a share of the persons are answered with.
    """

    name: str
    champion: BatchModel
    canary: BatchModel | None = None
    canary_share: float = 0.0

    @property
    def key(self) -> tuple[str, int, int | None, float]:
        """Differs where another model or share is meant."""
        canary = None if self.canary is None else self.canary.version
        return (self.name, self.champion.version, canary, self.canary_share)

    def is_tried_on(self, subject: str) -> bool:
        """Whether a person is answered with the canary: always the same while share and model stay."""
        return self.canary is not None and share_of(self.name, subject) < self.canary_share


Serve = Callable[[str, SiteBatch | None], None]
"""Has a site answer with another batch model from the next answer on, or with none."""


def site_batches(deployments: Iterable[Deployment[Any]]) -> dict[str, SiteBatch]:
    """Site → its batch model; of several models of one site the first by name."""
    found: dict[str, SiteBatch] = {}
    for deployment in sorted(deployments, key=lambda each: each.promotion.name):
        name, champion = deployment.promotion.name, deployment.recommenders.get("champion")
        if champion is None:
            continue
        site = champion.found.site
        if site in found:
            _logger.warning("a recommender isn't used", extra={"model": name, "reason": f"{found[site].name} is"})
            continue
        canary = deployment.recommenders.get("canary")
        if canary is None or canary.found.site != site:
            found[site] = SiteBatch(name, champion.found.model)
        else:
            share = deployment.promotion.canary_share
            found[site] = SiteBatch(name, champion.found.model, canary.found.model, share)
    return found


class BatchVersions:
    """Keeps sites at what is promoted. One thread at a time tells of changes, and waits until they are in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deployments: dict[str, Deployment[Any]] = {}
        self._served: dict[str, SiteBatch] = {}
        self._serve: Serve | None = None

    def begin(self, serve_now: Serve, serve: Serve) -> None:
        """Called on the event loop when there are sites to serve.

        Args:
            serve_now: called for what was told so far.
            serve: called for what is told later, on the thread that tells it.
        """
        with self._lock:
            self._settle(serve_now)
            self._serve = serve

    def take(self, deployment: Deployment[Any]) -> None:
        """What runs of a model now; of models that score rows nothing is to be done."""
        name = deployment.promotion.name
        with self._lock:
            if deployment.recommenders:
                self._deployments[name] = deployment
            elif self._deployments.pop(name, None) is None:
                return
            self._settle(self._serve)

    def withdraw(self, name: str) -> None:
        """A model is gone; its site answers without, or with another one of it."""
        with self._lock:
            if self._deployments.pop(name, None) is not None:
                self._settle(self._serve)

    def _settle(self, serve: Serve | None) -> None:
        if serve is None:
            return
        wanted = site_batches(self._deployments.values())
        for site in sorted(wanted.keys() | self._served.keys()):
            new, old = wanted.get(site), self._served.get(site)
            if (new and new.key) != (old and old.key):
                serve(site, new)
        self._served = wanted
