"""Visits of a person, told apart by pauses of event time: the same rules live, in a replay and in an evaluation."""

from headrace.interactions.records import Interaction, Session
from headrace.interactions.user_features import SESSION_GAP_US

MOST_ITEMS = 50
"""The newest are kept."""
_MAKES_NO_VISIT = frozenset({"impression", "consent"})


def is_of_a_visit(interaction: Interaction) -> bool:
    """Whether it adds to a session: impressions come of pages, not of people."""
    return interaction.item is not None and interaction.kind not in _MAKES_NO_VISIT


def followed(before: Session | None, interaction: Interaction, appended: int) -> Session | None:
    """The running session after an interaction with an item; `before` itself where that is of a former session.

    `revision` is twice the number of interactions, plus one where final, as of windows. The start is the time of the
    one that came first: an earlier one that comes later, within the pause, is of the session all the same.

    Args:
        appended: microseconds UTC, when it was appended; a later event time counts as this.
    """
    item, time = interaction.item, min(interaction.time, appended)
    if item is None:
        return before
    if before is None or time - before.last > SESSION_GAP_US:
        return Session(interaction.site, interaction.subject, time, time, 2, (item,))
    if time < before.start - SESSION_GAP_US:
        return before
    items = before.items if item in before.items else (*before.items, item)[-MOST_ITEMS:]
    return Session(
        before.site, before.subject, before.start, max(before.last, time), before.revision // 2 * 2 + 2, items
    )


def ended(session: Session) -> Session:
    """The session as final; one that is final already is given back as it is."""
    if session.final:
        return session
    return Session(
        session.site, session.subject, session.start, session.last, session.revision + 1, session.items, final=True
    )


def withdrawn(session: Session) -> Session:
    """The session without its items, which takes back what was said of it before."""
    revision = session.revision // 2 * 2 + 3
    return Session(session.site, session.subject, session.start, session.last, revision, (), final=True)
