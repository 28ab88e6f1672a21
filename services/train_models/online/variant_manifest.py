"""What a variant of an online model is in the registry: a manifest with its spec, without code and weights."""

import hashlib

from headrace.models.inputs import Input
from headrace.models.manifest import ONLINE_ALGORITHM, Manifest
from headrace.models.online import OnlineModel, Variant, variant_params

ALGORITHM = ONLINE_ALGORITHM
_NO_SEED = 0


def variant_manifest(model: OnlineModel, variant: Variant, created: int, code: str, river: str) -> Manifest:
    """The manifest, but for the files' hashes.

    A variant decides nothing, so it has no threshold; it is trained on no rows, so it has no snapshot.

    Args:
        model: as `find_online_model` gives it.
        created: microseconds UTC.
        code: version and commit of what registers it.
        river: version of River.
    """
    is_mean = model.predicts == "mean"
    return Manifest(
        name=model.name,
        task="regression" if is_mean else "classification",
        created=created,
        inputs=tuple(Input(name, "number") for name in variant.features),
        label=model.predicts,
        files={},
        data_sha256="",
        data_rows=0,
        code=code,
        libraries={"river": river},
        seed=_NO_SEED,
        algorithm=ALGORITHM,
        content_sha256=variant_content(model, variant),
        positive=None if is_mean else "true",
        params=variant_params(model, variant),
        about=model.about,
    )


def variant_content(model: OnlineModel, variant: Variant) -> str:
    """A SHA-256 that differs where the variant would learn or predict something else; words about it don't count."""
    return hashlib.sha256(model.history_signature() + model.variant_signature(variant)).hexdigest()
