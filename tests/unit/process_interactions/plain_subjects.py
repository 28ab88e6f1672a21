"""What the stage of subjects is to give, computed plainly from all records at once: no consent, bots or erasures."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.interactions.lessons import lesson_of
from headrace.interactions.records import Exposure, Interaction, Recommendation, UserFeatures
from headrace.interactions.user_features import taken
from headrace.interactions.weights import weight_of

WINDOW_US = 30 * 60 * 1_000_000
SKEW_US = 60 * 1_000_000
_FOLLOW = frozenset({"impression", "click", "cart", "purchase"})
Appended = tuple[Interaction | Recommendation, int]


class Plain:
    """Of records with their append times, in order of append; all windows are over.

    Args:
        window_us: after an answer.

    Attributes:
        features: of each subject.
        lessons: how many.
    """

    def __init__(self, records: Sequence[Appended], window_us: int = WINDOW_US) -> None:
        self._window_us = window_us
        self.features: dict[str, UserFeatures] = {}
        self.lessons = 0
        self.exposures: list[Exposure] = []
        seen: set[tuple[str, str]] = set()
        self._interactions: list[tuple[Interaction, int]] = []
        answers: list[tuple[Recommendation, int]] = []
        for record, appended in records:
            sort = "answer" if isinstance(record, Recommendation) else "interaction"
            if (record.subject, f"{sort} {record.id}") in seen:
                continue
            seen.add((record.subject, f"{sort} {record.id}"))
            if isinstance(record, Recommendation):
                answers.append((record, appended))
            else:
                self._take(record, appended)
        for answer, appended in answers:
            self._expose(answer, appended)

    def _take(self, interaction: Interaction, appended: int) -> None:
        self._interactions.append((interaction, appended))
        before = self.features.get(interaction.subject)
        self.lessons += lesson_of(before, interaction) is not None
        self.features[interaction.subject] = taken(before, interaction, appended)

    def _expose(self, answer: Recommendation, appended: int) -> None:
        end = appended + self._window_us
        followed = [
            interaction
            for interaction, at in self._interactions
            if interaction.subject == answer.subject
            and appended <= at < end
            and (
                interaction.recommendation == answer.id
                if interaction.recommendation is not None
                else interaction.kind in _FOLLOW and interaction.time >= answer.made - SKEW_US
            )
        ]
        for position, item in enumerate(answer.items):
            of_item = [each for each in followed if each.item == item.item]
            after = [each for each in of_item if each.kind != "impression"]
            self.exposures.append(
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
                    end,
                    seen=min((each.time for each in of_item if each.kind == "impression"), default=None),
                    clicked=any(each.kind in ("click", "view") for each in after),
                    carted=any(each.kind == "cart" for each in after),
                    bought=any(each.kind == "purchase" for each in after),
                    reward=max((weight_of(each) for each in after), default=0.0),
                    arms=answer.arms,
                    versions=answer.versions,
                )
            )
