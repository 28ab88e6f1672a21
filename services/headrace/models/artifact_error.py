"""The errors of artifacts that aren't loaded."""

from headrace.errors import ConfigurationError
from headrace.models.manifest import Manifest


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
