"""Joins the items of an answer to what followed."""

from collections.abc import Iterable

from headrace.interactions.records import Exposure, Recommendation
from process_interactions.subjects.trail import Step

SKEW_US = 60_000_000
"""By so much may a client's clock be behind the server's, and what it tells still follow an answer."""


def exposures_of(answer: Recommendation, appended: int, due: int, steps: Iterable[Step]) -> list[Exposure]:
    """One exposure for each item of the answer, in its order.

    A step that names an answer belongs to that one. One that names none follows every answer that showed its item
    before, as each item that was shown is judged for itself.

    Args:
        appended, due: append times of the answer and of the window's end, microseconds; a step at `due` is too late.
    """
    shown = [
        Exposure(
            answer.id,
            answer.site,
            answer.subject,
            answer.surface,
            item.item,
            position,
            item.source,
            item.explored,
            item.features,
            answer.made,
            due,
            arms=answer.arms,
            versions=answer.versions,
        )
        for position, item in enumerate(answer.items)
    ]
    places = {item.item: place for place, item in reversed(list(enumerate(answer.items)))}
    for step in steps:
        place = places.get(step.item)
        if place is not None and step.appended < due and _follows(step, answer, appended):
            _take(shown[_place_of(step, answer, place)], step)
    return shown


def _follows(step: Step, answer: Recommendation, appended: int) -> bool:
    if step.appended < appended:
        return False
    if step.recommendation is not None:
        return step.recommendation == answer.id
    return step.time >= answer.made - SKEW_US


def _place_of(step: Step, answer: Recommendation, place: int) -> int:
    """The place that the client names, where the item is there."""
    named = step.position
    if named is not None and 0 <= named < len(answer.items) and answer.items[named].item == step.item:
        return named
    return place


def _take(exposure: Exposure, step: Step) -> None:
    if step.kind == "impression":
        exposure.seen = step.time if exposure.seen is None else min(exposure.seen, step.time)
        return
    exposure.reward = max(exposure.reward, step.weight)
    if step.kind == "cart":
        exposure.carted = True
    elif step.kind == "purchase":
        exposure.bought = True
    else:
        # A view that names the answer is a click on it.
        exposure.clicked = exposure.clicked or step.kind in ("click", "view")
