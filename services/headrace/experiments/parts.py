"""What a stage keeps of one subject for the experiments, and what changes in their sums because of it."""

import msgspec

from headrace.interactions.records import Kind, Sums


class Happened(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A late interaction, as long as an answer before it may still come; value and weight in hundredths."""

    time: int
    kind: Kind
    attributed: bool
    value: int
    weight: int


class PastDay(msgspec.Struct, array_like=True, gc=False):
    """All of one sort on one day since 1970, in UTC."""

    day: int
    kind: Kind
    attributed: bool
    count: int
    value: int
    weight: int


class Enrolment(msgspec.Struct, array_like=True, gc=False):
    """A subject's first exposure to a revision of an experiment.

    `amounts` are, for each metric of the experiment in order, what the person did in the window, and in the days
    before. They are uncapped, so that they can be added to. `matured` says that they are in the sums.
    """

    experiment: str
    revision: int
    arm: str
    made: int
    ends: int
    amounts: list[tuple[int, int]]
    matured: bool = False


class Part(msgspec.Struct, array_like=True, omit_defaults=True):
    """One subject's part; times are append times in microseconds."""

    enrolments: list[Enrolment] = []
    recent: list[Happened] = []
    past: list[PastDay] = []

    def is_empty(self) -> bool:
        return not (self.enrolments or self.recent or self.past)


class Change(msgspec.Struct, frozen=True):
    """What to add to the totals of an arm: people enrolled, and the sums of metrics by name."""

    experiment: str
    revision: int
    arm: str
    enrolled: int = 0
    sums: dict[str, Sums] = {}
