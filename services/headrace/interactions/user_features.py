"""What is known of a person after one more interaction: the same rules live, in a replay and in an evaluation.

Everything goes by event time, which is never later than the append. An interaction that comes late takes the place that
its time gives it.
"""

from headrace.interactions.records import Interaction, Kind, Recent, UserFeatures
from headrace.interactions.weights import weight_of

MOST_RECENT = 50
MOST_SESSION_ITEMS = 20
MOST_BOUGHT = 500
SESSION_GAP_US = 30 * 60_000_000
HALF_LIFE_US = 7 * 86_400_000_000
_LASTING = frozenset({"purchase", "rating"})
"""What a later look at the item doesn't undo."""


def taken(before: UserFeatures | None, interaction: Interaction, appended: int) -> UserFeatures:
    """The features after an interaction; `before` itself where nothing may be known of the person.

    Args:
        before: None for a person of whom nothing is known.
        appended: microseconds UTC, when the interaction was appended to the log; a later event time counts as this.
    """
    time = min(interaction.time, appended)
    if interaction.kind == "consent":
        return _with_consent(before, interaction, time, appended)
    if before is None:
        before = UserFeatures(interaction.site, interaction.subject, 0, time, appended, time)
    elif not before.consent or before.flagged:
        return before
    kind, item = interaction.kind, interaction.item
    counts = before.counts.copy()
    counts[kind] = counts.get(kind, 0) + 1
    updated = max(before.updated, time)
    features = UserFeatures(
        before.site,
        before.subject,
        before.revision + 1,
        updated,
        appended,
        min(before.first_seen, time),
        before.recent,
        before.session,
        before.session_items,
        before.bought,
        counts,
        _decayed(before, kind, time, updated),
    )
    if item is not None and kind != "impression":
        _visit(features, item, time)
        features.recent = _with_recent(before.recent, Recent(item, kind, time, weight_of(interaction)))
        if kind == "purchase":
            features.bought = (*(one for one in before.bought if one != item), item)[-MOST_BOUGHT:]
    return features


def flagged(before: UserFeatures, appended: int) -> UserFeatures:
    """The features of what is no person: nothing but that."""
    return _without_content(before, before.updated, appended, consent=before.consent, is_flagged=True)


def anew(before: UserFeatures, appended: int) -> UserFeatures:
    """The features of a person of whom nothing is known any more and something may be."""
    return _without_content(before, before.updated, appended, consent=True, is_flagged=False)


def _with_consent(before: UserFeatures | None, interaction: Interaction, time: int, appended: int) -> UserFeatures:
    consent = interaction.consent is True
    if before is None:
        return UserFeatures(interaction.site, interaction.subject, 1, time, appended, time, consent=consent)
    # A consent that is older than the withdrawal was withdrawn by it; a withdrawal counts whenever it comes.
    if before.consent == consent or (consent and time < before.updated):
        return before
    return _without_content(before, time, appended, consent=consent, is_flagged=before.flagged)


def _without_content(
    before: UserFeatures, updated: int, appended: int, *, consent: bool, is_flagged: bool
) -> UserFeatures:
    return UserFeatures(
        before.site,
        before.subject,
        before.revision + 1,
        updated,
        appended,
        updated,
        consent=consent,
        flagged=is_flagged,
    )


def _decayed(before: UserFeatures, kind: Kind, time: int, updated: int) -> dict[str, float]:
    if updated > before.updated:
        factor = 2.0 ** ((before.updated - updated) / HALF_LIFE_US)
        decayed = {name: count * factor for name, count in before.decayed.items()}
    else:
        decayed = before.decayed.copy()
    one = 1.0 if time == updated else 2.0 ** ((time - updated) / HALF_LIFE_US)
    decayed[kind] = decayed.get(kind, 0.0) + one
    return decayed


def _visit(features: UserFeatures, item: str, time: int) -> None:
    """Puts the item into the running session, or into a new one; one of a former session is left out."""
    last = features.recent[-1].time if features.recent else None
    if last is None or time - last > SESSION_GAP_US:
        features.session, features.session_items = time, (item,)
    elif time >= features.session - SESSION_GAP_US and item not in features.session_items:
        features.session_items = (*features.session_items, item)[-MOST_SESSION_ITEMS:]


def _with_recent(recent: tuple[Recent, ...], one: Recent) -> tuple[Recent, ...]:
    for at, other in enumerate(recent):
        if other.item == one.item:
            one = _of_both(one, other) if one.time >= other.time else _of_both(other, one)
            if one is other:
                return recent
            recent = recent[:at] + recent[at + 1 :]
            break
    place = len(recent)
    while place and recent[place - 1].time > one.time:
        place -= 1
    return (*recent[:place], one, *recent[place:])[-MOST_RECENT:]


def _of_both(newer: Recent, older: Recent) -> Recent:
    if older.kind in _LASTING and newer.kind not in _LASTING:
        return Recent(newer.item, older.kind, newer.time, older.weight)
    return newer
