"""By what a version is known to be one that the registry has already."""

import msgspec

from headrace.models.manifest import Manifest, sha256

_DECIDING = ("task", "inputs", "label", "positive", "threshold", "calibration")
"""What of a manifest decides, besides the fitted object, which rows are taken and what is answered to them."""


def identity_of(manifest: Manifest) -> dict[str, str]:
    """Tags that two versions have in common only if they take the same rows, answer the same and are made of the same.

    Left out is what may differ between two trainings of the same: when, by which commit, with which caveats.
    """
    deciding = {name: getattr(manifest, name) for name in _DECIDING}
    return {
        "content_sha256": manifest.content_sha256,
        "data_sha256": manifest.data_sha256,
        "deciding_sha256": sha256(msgspec.json.encode(deciding, order="deterministic")),
    }
