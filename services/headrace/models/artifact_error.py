"""The errors of artifacts that aren't loaded."""

from headrace.errors import ConfigurationError
from headrace.models.manifest import Manifest
from headrace.models.recommender_files import SiteModel


class ArtifactError(ConfigurationError):
    """An artifact is not what it should be, so it isn't loaded; the message says what is wrong with it."""


class OnlineArtifact(ArtifactError):
    """An artifact is sound and holds no model: what it stands for learns, and predicts, in process_predictions.

    Args:
        card: Markdown.
    """

    def __init__(self, manifest: Manifest, card: str) -> None:
        super().__init__(f"a version of the online model {manifest.name} runs in process_predictions alone")
        self.manifest = manifest
        self.card = card


class RecommenderArtifact(ArtifactError):
    """An artifact is sound and scores no rows: it holds a recommender, which serve_api answers with.

    Args:
        found: what it holds; its version is 0, as an artifact doesn't know its own.
        manifest_sha256: by which a promotion binds it.
        card: Markdown.
    """

    def __init__(self, manifest: Manifest, found: SiteModel, manifest_sha256: str, card: str) -> None:
        super().__init__(
            f"{manifest.name} is a recommender, which scores no rows: serve_api answers GET /v1/recommendations with it"
        )
        self.manifest = manifest
        self.found = found
        self.manifest_sha256 = manifest_sha256
        self.card = card
