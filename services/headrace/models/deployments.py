"""Which loaded version of each model runs now, and in which role."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from headrace.errors import TransientError
from headrace.models.loaded_version import LoadedVersion
from headrace.models.manifest import Manifest
from headrace.models.recommender_files import SiteModel
from headrace.models.records import ModelVersion, Promotion, Role

V = TypeVar("V", bound=LoadedVersion)


class NotLoaded(TransientError):
    """No version of a model runs in this process yet."""


@dataclass(frozen=True)
class OnlineVersion:
    """A promoted version that runs in process_predictions by itself, and isn't loaded anywhere.

    Attributes:
        card: Markdown.
    """

    version: ModelVersion
    manifest: Manifest
    card: str = ""

    @property
    def number(self) -> int:
        """The version's number in the registry."""
        return self.version.version


@dataclass(frozen=True)
class RecommenderVersion:
    """A promoted version of a recommender, which scores no rows.

    Attributes:
        found: what it answers with, and of which site.
        card: Markdown.
    """

    version: ModelVersion
    manifest: Manifest
    found: SiteModel
    card: str = ""

    @property
    def number(self) -> int:
        """The version's number in the registry."""
        return self.version.version


@dataclass(frozen=True)
class Deployment(Generic[V]):
    """One model as this process has it.

    Attributes:
        promotion: the newest; the champion that runs may be older where that one's couldn't be loaded.
        versions: role → version that is loaded.
        problems: role → why the promoted version isn't loaded.
        online: role → version that needs no loading, as it runs in process_predictions by itself.
        recommenders: role → version that is loaded and scores no rows.
    """

    promotion: Promotion
    versions: Mapping[Role, V] = field(default_factory=dict)
    problems: Mapping[Role, str] = field(default_factory=dict)
    online: Mapping[Role, OnlineVersion] = field(default_factory=dict)
    recommenders: Mapping[Role, RecommenderVersion] = field(default_factory=dict)

    @property
    def champion(self) -> V:
        """What answers.

        Raises:
            NotLoaded: no version could be loaded yet, it runs elsewhere, or it scores no rows; says why.
        """
        champion = self.versions.get("champion")
        if champion is None:
            raise self._not_loaded()
        return champion

    @property
    def manifest(self) -> Manifest:
        """The champion's, wherever it runs.

        Raises:
            NotLoaded: it isn't known yet; says why.
        """
        found = self.shown("champion")
        if found is None:
            raise self._not_loaded()
        return found.manifest

    def shown(self, role: Role) -> V | OnlineVersion | RecommenderVersion | None:
        """What a role's version is, whatever kind it is of; None where it isn't loaded."""
        return self.versions.get(role) or self.online.get(role) or self.recommenders.get(role)

    def _not_loaded(self) -> NotLoaded:
        if "champion" in self.online:
            return NotLoaded(
                f"model {self.promotion.name} is an online model, which process_predictions runs by itself"
            )
        if "champion" in self.recommenders:
            return NotLoaded(
                f"model {self.promotion.name} is a recommender, which scores no rows: ask GET /v1/recommendations"
            )
        why = self.problems.get("champion", "it is being loaded")
        return NotLoaded(f"model {self.promotion.name} can't answer now: {why}")


class Deployments(Generic[V]):
    """The models of a process. A swap is one assignment: a reader sees the old ones or the new ones, never a mix."""

    def __init__(self) -> None:
        self._of: dict[str, Deployment[V]] = {}

    def get(self, name: str) -> Deployment[V] | None:
        """None of a model of which no version was promoted."""
        return self._of.get(name)

    def promoted(self, name: str) -> Deployment[V]:
        """A model of which a version was promoted.

        Raises:
            NotLoaded: none was.
        """
        found = self._of.get(name)
        if found is None:
            raise NotLoaded(f"no version of model {name} was promoted yet: headrace models promote {name}")
        return found

    def all(self) -> list[Deployment[V]]:
        """By name."""
        return [found for _, found in sorted(self._of.copy().items())]

    def champions(self) -> dict[str, V]:
        """Model → what answers, of those that can."""
        found = {each.promotion.name: each.versions.get("champion") for each in self.all()}
        return {name: version for name, version in found.items() if version is not None}

    def announce(self, promotion: Promotion) -> None:
        """Makes a model known, and named in answers, before its versions are loaded; what runs of it stays."""
        self._of.setdefault(promotion.name, Deployment(promotion))

    def remove(self, name: str) -> None:
        """Called by the thread that loads: a model is unknown from then on."""
        self._of.pop(name, None)

    def put(self, deployment: Deployment[V]) -> None:
        """Called by the thread that loads; those who use what was there keep it."""
        self._of[deployment.promotion.name] = deployment


def promoted_versions(promotion: Promotion) -> dict[Role, ModelVersion]:
    """The versions that a promotion wants, by what they are for."""
    found: dict[Role, ModelVersion | None] = {
        "champion": promotion.champion,
        "canary": promotion.canary,
        "shadow": promotion.shadow,
    }
    return {role: version for role, version in found.items() if version is not None}
