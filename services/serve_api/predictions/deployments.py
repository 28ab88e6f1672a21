"""The models of a process as requests ask for them: what isn't there is a problem document."""

from headrace.models import deployments
from headrace.models.deployments import Deployment, NotLoaded
from headrace.models.manifest import Manifest
from serve_api.predictions.served_version import ServedVersion
from serve_api.problems import Problem, not_found, unavailable

RETRY_AFTER_S = 5


class Deployments(deployments.Deployments[ServedVersion]):
    """The models of a process.

    Until all promotions that stand were read, nothing is said of a model that isn't known: a client that is told that
    there is none drops what it would have sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_read = False

    def note_read(self) -> None:
        """Every model that was promoted is known."""
        self._is_read = True

    def listed(self) -> list[Deployment[ServedVersion]]:
        """All models, by name.

        Raises:
            Problem: it isn't known yet which there are.
        """
        self._check_read()
        return self.all()

    def find(self, name: str) -> Deployment[ServedVersion]:
        """A model that was promoted.

        Raises:
            Problem: there is no such model; says which there are. Or that isn't known yet.
        """
        found = self.find_any(name)
        if found is None:
            raise not_found(f"there is no model {name!r}", self.which())
        return found

    def find_any(self, name: str) -> Deployment[ServedVersion] | None:
        """A model that was promoted, or None where there is none.

        Raises:
            Problem: that isn't known yet.
        """
        found = self.get(name)
        if found is None:
            self._check_read()
        return found

    def find_loaded(self, name: str) -> Deployment[ServedVersion]:
        """A model whose champion answers.

        Raises:
            Problem: there is no such model, no version of it could be loaded yet, or it answers no requests.
        """
        found = self.find(name)
        if "champion" in found.online:
            raise _online(name)
        if "champion" in found.recommenders:
            raise recommender(name)
        try:
            _ = found.champion
        except NotLoaded as error:
            raise unavailable(str(error), RETRY_AFTER_S, "model-not-loaded") from None
        return found

    def manifest(self, deployment: Deployment[ServedVersion]) -> Manifest:
        """The champion's, wherever it runs.

        Raises:
            Problem: no version could be loaded yet.
        """
        try:
            return deployment.manifest
        except NotLoaded as error:
            raise unavailable(str(error), RETRY_AFTER_S, "model-not-loaded") from None

    def which(self) -> str:
        """Which models there are, as advice."""
        known = ", ".join(each.promotion.name for each in self.all())
        return f"use one of {known}" if known else "none was promoted yet: headrace models promote NAME"

    def _check_read(self) -> None:
        if not self._is_read:
            unread = "models.promoted was not read to its end yet, so it isn't known which models there are"
            raise unavailable(unread, RETRY_AFTER_S, "models-unread")


def _online(name: str) -> Problem:
    runs = (
        f"{name} is an online model, which answers no requests: process_predictions runs it on the windows of readings "
        "and writes what it says to predictions.made; read it there"
    )
    return Problem(409, "online-model", "Conflict", runs)


def recommender(name: str) -> Problem:
    """What is answered where rows are sent to a recommender, or what came of them."""
    asks = (
        f"{name} is a recommender, which scores no rows: ask GET /v1/recommendations, whose answers say under "
        "`versions.batch` which version of it had a part, and send what people did to POST /v1/events"
    )
    return Problem(409, "recommender", "Conflict", asks)
