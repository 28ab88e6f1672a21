"""What a model across all people learns from one interaction, given what was known of the person before."""

from headrace.interactions.records import Interaction, Lesson, Recent, UserFeatures
from headrace.interactions.user_features import MOST_RECENT
from headrace.interactions.weights import weight_of

MOST_BEFORE = 20
"""The newest items of a person that a lesson has: how far one item is said to go with others."""
_TEACHES_NOTHING = frozenset({"impression", "consent"})


def lesson_of(before: UserFeatures | None, interaction: Interaction) -> Lesson | None:
    """The lesson of an interaction; None where it has no item, is an impression, or must not be learned from.

    `is_new` says that the item is not among the person's recent or bought ones; of what is older than all that is kept
    of the person nobody can say so.
    """
    item = interaction.item
    if item is None or interaction.kind in _TEACHES_NOTHING:
        return None
    lesson = Lesson(
        interaction.site,
        interaction.subject,
        interaction.time,
        "interaction",
        item,
        weight_of(interaction),
        interaction.kind,
        is_new=True,
    )
    if before is None:
        return lesson
    if not before.consent or before.flagged:
        return None
    lesson.before = before.recent[-MOST_BEFORE:]
    lesson.is_new = not (item in before.bought or _has(before.recent, item) or _is_older(interaction, before.recent))
    return lesson


def _has(recent: tuple[Recent, ...], item: str) -> bool:
    # Faster than any() over a generator, and this runs for every interaction.
    for one in recent:  # noqa: SIM110
        if one.item == item:
            return True
    return False


def _is_older(interaction: Interaction, recent: tuple[Recent, ...]) -> bool:
    # It doesn't become one of the recent ones, so its repeats would be new each time.
    return len(recent) >= MOST_RECENT and interaction.time < recent[0].time


def forget_of(features: UserFeatures, now: int) -> Lesson | None:
    """Takes back what a person's recent items taught; None where there are none."""
    if not features.recent:
        return None
    return Lesson(features.site, features.subject, now, "forget", before=features.recent)
