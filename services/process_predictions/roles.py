"""Which variants of online models are champions; all of them predict and learn all the same."""

import logging
from collections.abc import Iterable

from headrace.models.online import OnlineModel
from headrace.models.records import Change, Role, Withdrawal

log = logging.getLogger(__name__)


class Roles:
    """Roles by model and version: of a model that isn't promoted, or was withdrawn, the first variant is the champion.

    Read by tasks while another thread takes promotions: each is taken by one assignment.
    """

    def __init__(self, models: Iterable[OnlineModel]) -> None:
        self._versions = {model.name: tuple(variant.version for variant in model.variants) for model in models}
        self._unknown: set[str] = set()
        self._roles: dict[str, dict[int, Role]] = {
            name: _roles(versions, versions[0], None) for name, versions in self._versions.items()
        }

    @property
    def are_known(self) -> dict[str, bool]:
        """Model → whether its file has the version that is promoted."""
        return {name: name not in self._unknown for name in self._versions}

    def get(self, model: str, version: int) -> Role:
        """What a version is now."""
        return self._roles[model][version]

    def take(self, change: Change) -> None:
        """Takes a change; one of a model that is not an online one is another's."""
        versions = self._versions.get(change.name)
        if versions is None:
            return
        self._unknown.discard(change.name)
        if isinstance(change, Withdrawal):
            self._roles[change.name] = _roles(versions, versions[0], None)
            log.info("withdrawn; the first variant is the champion", extra={"model": change.name})
            return
        champion = change.champion.version
        if champion not in versions:
            self._unknown.add(change.name)
            log.error(
                "a promotion names a version that the model file has not; the champion stays",
                extra={"model": change.name, "version": champion, "known": list(versions)},
            )
            return
        canary = change.canary.version if change.canary else None
        self._roles[change.name] = _roles(versions, champion, canary)
        log.info("champion", extra={"model": change.name, "version": champion})


def _roles(versions: tuple[int, ...], champion: int, canary: int | None) -> dict[int, Role]:
    return {
        version: "champion" if version == champion else "canary" if version == canary else "shadow"
        for version in versions
    }
