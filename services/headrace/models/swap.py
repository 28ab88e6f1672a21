"""Makes what runs of a model what its promotion says, as far as its versions can be loaded."""

import logging
from collections.abc import Callable
from typing import Generic, Literal

from headrace.errors import HeadraceError, TransientError
from headrace.models.artifact_error import OnlineArtifact, RecommenderArtifact
from headrace.models.deployments import (
    Deployment,
    Deployments,
    OnlineVersion,
    RecommenderVersion,
    V,
    promoted_versions,
)
from headrace.models.records import Change, ModelVersion, Promotion, Role, Withdrawal

Fate = Literal["loaded", "refused", "unavailable", "online"]
"""What became of a load: an unavailable version is one whose store doesn't answer, an online one needs no loading."""
UNAVAILABLE_RETRY_S = 5.0
REFUSED_RETRY_S = 60.0
"""What refuses may be mended without a new promotion: a folder that isn't mounted, a key, a credential."""

_logger = logging.getLogger(__name__)


class Swap(Generic[V]):
    """Changes deployments; one thread at a time calls it.

    Where the promoted champion can't be loaded the last good one goes on. Of a trial that can't be loaded none runs:
    the one before it would get its share. What a promotion doesn't name any more is let go of.

    Args:
        load: gives a version of a model after all checks; raises `ConfigurationError` or `TransientError`.
        on_load: told the model and what became of each load.
        on_swap: told what runs after each promotion.
        on_withdrawal: told the name of a model that is gone.
        retry_s, refused_retry_s: seconds until what is unavailable, or refused, is loaded again.
    """

    def __init__(
        self,
        load: Callable[[str, ModelVersion], V],
        deployments: Deployments[V],
        on_load: Callable[[str, Fate], None] = lambda name, fate: None,
        on_swap: Callable[[Deployment[V]], None] = lambda deployment: None,
        on_withdrawal: Callable[[str], None] = lambda name: None,
        retry_s: float = UNAVAILABLE_RETRY_S,
        refused_retry_s: float = REFUSED_RETRY_S,
    ) -> None:
        self._load = load
        self._deployments = deployments
        self._on_load = on_load
        self._on_swap = on_swap
        self._on_withdrawal = on_withdrawal
        self._retry_s = retry_s
        self._refused_retry_s = refused_retry_s

    def apply(self, change: Change) -> float | None:
        """Loads what isn't loaded yet; returns the seconds until it is worth another try, None where all runs."""
        if isinstance(change, Withdrawal):
            self._deployments.remove(change.name)
            self._on_withdrawal(change.name)
            _logger.info("model withdrawn", extra={"model": change.name})
            return None
        self._deployments.announce(change)
        return self._promote(change, self._deployments.promoted(change.name))

    def _promote(self, promotion: Promotion, before: Deployment[V]) -> float | None:
        loaded = {version.version: version for version in before.versions.values()}
        known = {version.version: version for version in before.online.values()}
        versions: dict[Role, V] = {}
        online: dict[Role, OnlineVersion] = {}
        recommending = {version.version: version for version in before.recommenders.values()}
        recommenders: dict[Role, RecommenderVersion] = {}
        problems: dict[Role, str] = {}
        waits: list[float] = []
        for role, wanted in promoted_versions(promotion).items():
            if wanted in known:
                online[role] = known[wanted]
                continue
            if wanted in recommending:
                recommenders[role] = recommending[wanted]
                continue
            try:
                versions[role] = loaded.get(wanted) or self._load_one(promotion.name, wanted)
            except OnlineArtifact as found:
                online[role] = OnlineVersion(wanted, found.manifest, found.card)
            except RecommenderArtifact as made:
                recommenders[role] = RecommenderVersion(wanted, made.manifest, made.found, made.card)
            except HeadraceError as error:
                problems[role] = f"version {wanted.version}: {error}"
                waits.append(self._retry_s if isinstance(error, TransientError) else self._refused_retry_s)
                if role == "champion":
                    versions |= {role: before.versions[role]} if role in before.versions else {}
                    recommenders |= {role: before.recommenders[role]} if role in before.recommenders else {}
        self._finish(Deployment(promotion, versions, problems, online, recommenders))
        return min(waits, default=None)

    def _finish(self, deployment: Deployment[V]) -> None:
        self._deployments.put(deployment)
        self._on_swap(deployment)
        running = {role: version.number for role, version in deployment.versions.items()}
        running |= {role: version.number for role, version in deployment.online.items()}
        running |= {role: version.number for role, version in deployment.recommenders.items()}
        about = {"model": deployment.promotion.name, "running": running, "problems": dict(deployment.problems)}
        _logger.info("models swapped", extra=about)

    def _load_one(self, name: str, wanted: ModelVersion) -> V:
        fate: Fate = "refused"
        try:
            loaded = self._load(name, wanted)
            fate = "loaded"
            return loaded
        except OnlineArtifact:
            fate = "online"
            raise
        except RecommenderArtifact:
            fate = "loaded"
            raise
        except TransientError:
            fate = "unavailable"
            raise
        except HeadraceError as error:
            _logger.error("model refused", extra={"model": name, "version": wanted.version, "problem": str(error)})
            raise
        except Exception as error:
            # Else a file that a library chokes on would end this process again and again.
            _logger.exception("model refused", extra={"model": name, "version": wanted.version})
            raise HeadraceError(f"it can't be loaded: {error!r}") from error
        finally:
            self._on_load(name, fate)
