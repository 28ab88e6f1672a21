"""What a promotion makes of the one before: pure functions, each of which gives the next revision.

One that would change nothing gives the same promotion, so that a command that was killed can be given again.
"""

import msgspec

from headrace.errors import ConfigurationError
from headrace.models.records import ModelVersion, Promotion

HISTORY = 20
"""Champions that are kept to go back to."""


def with_champion(current: Promotion | None, name: str, version: ModelVersion, now: int, reason: str) -> Promotion:
    """The version answers from now on; it ends as canary or shadow.

    Args:
        now: microseconds UTC.
    """
    if current is None:
        return Promotion(name, 1, version, now, reason)
    if current.champion == version:
        return current
    before = (current.champion, *(each for each in current.before if each != version))[:HISTORY]
    return _next(_without(current, version), now, reason, champion=version, before=before)


def with_canary(current: Promotion | None, name: str, version: ModelVersion, share: float, now: int) -> Promotion:
    """The version answers this share of the requests, in place of another canary.

    Raises:
        ConfigurationError: there is no champion, it is the champion, or the share isn't between 0 and 1.
    """
    if not 0 < share < 1:
        raise ConfigurationError(f"a canary's share is above 0 and below 1, such as 0.1, and not {share}")
    standing = _to_try(current, name, version)
    if (standing.canary, standing.canary_share) == (version, share):
        return standing
    return _next(_without(standing, version), now, "canary", canary=version, canary_share=share)


def with_shadow(current: Promotion | None, name: str, version: ModelVersion, now: int) -> Promotion:
    """The version is scored and not answered, in place of another shadow.

    Raises:
        ConfigurationError: there is no champion, or it is the champion.
    """
    standing = _to_try(current, name, version)
    if standing.shadow == version:
        return standing
    return _next(_without(standing, version), now, "shadow", shadow=version)


def without_canary(current: Promotion | None, name: str, now: int) -> Promotion:
    """The champion answers all requests.

    Raises:
        ConfigurationError: there is no champion.
    """
    standing = _standing(current, name)
    return _next(standing, now, "canary ended", canary=None, canary_share=0.0) if standing.canary else standing


def without_shadow(current: Promotion | None, name: str, now: int) -> Promotion:
    """No version is scored beside those that answer.

    Raises:
        ConfigurationError: there is no champion.
    """
    standing = _standing(current, name)
    return _next(standing, now, "shadow ended", shadow=None) if standing.shadow else standing


def rolled_back(current: Promotion | None, name: str, now: int, reason: str = "") -> Promotion:
    """The champion before answers again; another rollback goes one further.

    Raises:
        ConfigurationError: there is none before.
    """
    standing = _standing(current, name)
    if not standing.before:
        raise ConfigurationError(f"{name} has no champion before version {standing.champion.version} to go back to")
    version, *before = standing.before
    why = f"rollback from version {standing.champion.version}{f': {reason}' if reason else ''}"
    return _next(_without(standing, version), now, why, champion=version, before=tuple(before))


def _standing(current: Promotion | None, name: str) -> Promotion:
    if current is None:
        raise ConfigurationError(f"no version of {name} is the champion: headrace models promote {name}")
    return current


def _to_try(current: Promotion | None, name: str, version: ModelVersion) -> Promotion:
    standing = _standing(current, name)
    if standing.champion == version:
        raise ConfigurationError(f"version {version.version} of {name} is the champion: it answers already")
    return standing


def _without(current: Promotion, version: ModelVersion) -> Promotion:
    """The version has one role at a time."""
    if current.canary == version:
        current = msgspec.structs.replace(current, canary=None, canary_share=0.0)
    return msgspec.structs.replace(current, shadow=None) if current.shadow == version else current


def _next(current: Promotion, now: int, reason: str, **changes: object) -> Promotion:
    return msgspec.structs.replace(current, revision=current.revision + 1, updated=now, reason=reason, **changes)
