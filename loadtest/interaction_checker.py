"""Whether interactions count once, decided from what people sent and full scans of what is stored.

Shares no code with the services: features, lessons, what came of each item that was shown, the sums of the experiment
and the rows of Cassandra are computed again, plainly, from the raw topics with each id taken once. What was answered
with 202 must be there; what wasn't may be missing or be there once; nothing may be there that nobody sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.interaction_history import Event, History
from loadtest.verdict import Failures

Record = dict[str, Any]
_WEIGHTS = {"view": 1.0, "click": 1.5, "cart": 3.0, "purchase": 5.0}
_SHOWN = 10


@dataclass(frozen=True)
class Logged:
    """A record of a topic by subject; `appended` is microseconds UTC."""

    subject: str
    partition: int
    appended: int
    record: Record


@dataclass(frozen=True)
class Stored:
    """What the pipeline holds.

    Attributes:
        features: the newest of each subject.
        totals: the newest record of each key of the experiment.
        rows: of Cassandra: (subject, id, kind of record).
        learned: lessons and exposures that are in the online model.
    """

    raw: list[Logged]
    made: list[Logged]
    features: Mapping[str, Record]
    lessons: list[Record]
    exposures: list[Record]
    totals: list[Record]
    rows: Counter[tuple[str, str, str]]
    learned: int


@dataclass(frozen=True)
class Windows:
    """In microseconds: how long an answer is open, and how long an experiment measures a person."""

    answer: int
    experiment: int
    name: str


@dataclass
class Verdict(Failures):
    """What was found."""

    people: int = 0
    sent: int = 0
    accepted: int = 0
    sent_again: int = 0
    in_kafka: int = 0
    copies: int = 0
    answers: int = 0
    exposures: int = 0
    enrolled: int = 0

    def expect(self, kind: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> None:
        """Fails with each key that isn't the same in both."""
        for key in sorted(expected.keys() | found.keys(), key=str):
            if expected.get(key) != found.get(key):
                self.fail(kind, f"{key}: {found.get(key)} and must be {expected.get(key)}")

    def summary(self) -> str:
        """One line, and the first cases of each kind of failure."""
        head = f"{self.people} people, {self.sent} events sent, {self.sent_again} "
        head += f"of them again, {self.accepted} accepted, {self.in_kafka} in Kafka and {self.copies} copies; "
        head += f"{self.answers} answers, {self.exposures} exposures, {self.enrolled} in the experiment"
        return self.shown(head, _SHOWN)


def judge(history: History, stored: Stored, windows: Windows) -> Verdict:
    """Compares what people sent with what is stored about them."""
    events = history.events
    verdict = Verdict(sent=len(events), accepted=history.accepted)
    verdict.sent_again = sum(event.sent > 1 for event in events.values())
    raw = [each for each in stored.raw if each.record["id"] in events]
    subjects = {each.subject for each in raw}
    made = [each for each in stored.made if each.record["id"] in history.answers or each.subject in subjects]
    subjects |= {each.subject for each in made}
    once, given = _each_once(raw), _each_once(made)
    verdict.people, verdict.in_kafka, verdict.copies = len(subjects), len(once), len(raw) - len(once)
    for body in history.refused:
        verdict.fail("refused though it was right", body)
    _check_raw(history, stored.raw, once, given, subjects, verdict)
    _check_features(once, {key: each for key, each in stored.features.items() if key in subjects}, verdict)
    _check_lessons(once, [each for each in stored.lessons if each["subject"] in subjects], verdict)
    verdict.answers = len(given)
    exposures = [each for each in stored.exposures if each["subject"] in subjects]
    verdict.exposures = len(exposures)
    _check_exposures(exposures_of(given.values(), once.values(), windows.answer), exposures, verdict)
    arms = totals_of(given.values(), once.values(), windows)
    verdict.enrolled = sum(arm["enrolled"] for arm in arms.values())
    verdict.expect("sum of the experiment", arms, _added(stored.totals))
    rows = Counter((each.subject, each.record["id"], "interaction") for each in once.values())
    rows.update((each.subject, each.record["id"], "recommendation") for each in given.values())
    verdict.expect("rows in Cassandra", rows, Counter({key: n for key, n in stored.rows.items() if key[0] in subjects}))
    taught = len(stored.lessons) + len(stored.exposures)
    verdict.expect(
        "learned by the online model", {"lessons and exposures": taught}, {"lessons and exposures": stored.learned}
    )
    return verdict


def exposures_of(made: Iterable[Logged], raw: Iterable[Logged], window: int) -> dict[tuple[str, str], Record]:
    """What came of each item that was shown, by answer and item, as it has to be."""
    after: dict[str, list[Logged]] = defaultdict(list)
    for each in raw:
        after[each.subject].append(each)
    found: dict[tuple[str, str], Record] = {}
    for answer in made:
        for item in answer.record["items"]:
            followed = [each.record for each in after[answer.subject] if _follows(each, answer, item[0], window)]
            kinds = {each["kind"] for each in followed}
            # A view that names no answer may be of any page.
            named = {each["kind"] for each in followed if each.get("recommendation")}
            counted = (kinds - {"view"}) | (named & {"view"})
            found[answer.record["id"], item[0]] = {
                "seen": "impression" in kinds,
                "clicked": bool({"click"} & kinds or {"view"} & named),
                "carted": "cart" in kinds,
                "bought": "purchase" in kinds,
                "reward": max((_WEIGHTS.get(kind, 0.0) for kind in counted), default=0.0),
            }
    return found


def totals_of(made: Iterable[Logged], raw: Iterable[Logged], windows: Windows) -> dict[str, Record]:
    """The sums of the experiment by arm, once all windows have closed: of its metrics n, y, y² and x."""
    first: dict[str, Logged] = {}
    for answer in sorted(made, key=lambda each: each.appended):
        if windows.name in answer.record.get("arms", {}):
            first.setdefault(answer.subject, answer)
    sums: dict[str, Record] = {}
    amounts: dict[str, dict[str, list[int]]] = {subject: {metric: [0, 0] for metric in _METRICS} for subject in first}
    for each in raw:
        if each.subject not in first:
            continue
        begin = first[each.subject].appended
        for metric, take in _METRICS.items():
            if begin <= each.appended < begin + windows.experiment:
                amounts[each.subject][metric][0] += take(each.record)
            elif each.appended < begin:
                amounts[each.subject][metric][1] += take(each.record)
    for subject, answer in first.items():
        arm = sums.setdefault(answer.record["arms"][windows.name], {"enrolled": 0, **{m: [0] * 4 for m in _METRICS}})
        arm["enrolled"] += 1
        for metric, (after, before) in amounts[subject].items():
            y, x = (min(value, 1) if metric == "bought" else value for value in (after, before))
            arm[metric] = [total + one for total, one in zip(arm[metric], (1, y, y * y, x), strict=True)]
    return sums


_METRICS: Mapping[str, Callable[[dict[str, Any]], int]] = {
    "bought": lambda record: int(record["kind"] == "purchase"),
    "clicks": lambda record: int(record["kind"] == "click" and "recommendation" in record),
    "revenue": lambda record: round(100 * record.get("value", 0.0)) if record["kind"] == "purchase" else 0,
}
"""Of the experiment of `interaction_faults`: what a person's interaction adds."""


def _each_once(logged: Iterable[Logged]) -> dict[str, Logged]:
    """The first of each id."""
    found: dict[str, Logged] = {}
    for each in logged:
        known = found.setdefault(each.record["id"], each)
        if each.appended < known.appended:
            found[each.record["id"]] = each
    return found


def _follows(each: Logged, answer: Logged, item: str, window: int) -> bool:
    named = each.record.get("recommendation")
    is_in_time = answer.appended <= each.appended < answer.appended + window
    return is_in_time and each.record["item"] == item and named in (None, answer.record["id"])


def _check_raw(
    history: History,
    raw: list[Logged],
    once: Mapping[str, Logged],
    given: Mapping[str, Logged],
    subjects: set[str],
    verdict: Verdict,
) -> None:
    people: dict[str, set[str]] = defaultdict(set)
    for number, event in history.events.items():
        found = once.get(number)
        if found is None:
            if event.accepted:
                verdict.fail("accepted and lost", event)
            continue
        people[event.user].add(found.subject)
        if _content(found.record) != _sent(event):
            verdict.fail("other than it was sent", f"{event}: {found.record}")
    for each in raw:
        if each.subject in subjects and each.record["id"] not in history.events:
            verdict.fail("never sent", each.record)
    _check_answers(history, given, people, verdict)
    for user, found_subjects in people.items():
        if len(found_subjects) > 1:
            verdict.fail("person with several subjects", f"{user}: {found_subjects}")
    _check_arms(given.values(), verdict)


def _check_answers(
    history: History, given: Mapping[str, Logged], people: dict[str, set[str]], verdict: Verdict
) -> None:
    for answer in history.answers.values():
        found = given.get(answer.id)
        if found is None:
            if answer.is_recorded:
                verdict.fail("recorded answer that is lost", answer)
            continue
        people[answer.user].add(found.subject)
        if tuple(item[0] for item in found.record["items"]) != answer.items:
            verdict.fail("answer other than it was given", f"{answer}: {found.record}")


def _check_arms(given: Iterable[Logged], verdict: Verdict) -> None:
    arms: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in given:
        for experiment, arm in each.record.get("arms", {}).items():
            arms[each.subject, experiment].add(arm)
    for person, found in arms.items():
        if len(found) > 1:
            verdict.fail("person in several arms", f"{person}: {found}")


def _check_features(once: Mapping[str, Logged], features: Mapping[str, Record], verdict: Verdict) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in once.values():
        counts[each.subject][each.record["kind"]] += 1
    expected = {subject: (dict(found), found.total()) for subject, found in counts.items()}
    found = {subject: (each["counts"], each["revision"]) for subject, each in features.items()}
    verdict.expect("counts of features", expected, found)


def _check_lessons(once: Mapping[str, Logged], lessons: Iterable[Record], verdict: Verdict) -> None:
    expected = Counter(
        (each.subject, each.record["kind"], each.record["item"])
        for each in once.values()
        if each.record["kind"] != "impression"
    )
    verdict.expect(
        "lessons", expected, Counter((each["subject"], each["interaction"], each["item"]) for each in lessons)
    )


def _check_exposures(expected: Mapping[tuple[str, str], Record], exposures: list[Record], verdict: Verdict) -> None:
    found: dict[tuple[str, str], Record] = {}
    for each in exposures:
        key = each["recommendation"], each["item"]
        if key in found:
            verdict.fail("exposure that is there twice", key)
        found[key] = {
            "seen": each.get("seen") is not None,
            **{name: each.get(name, False) for name in ("clicked", "carted", "bought")},
            "reward": each.get("reward", 0.0),
        }
    verdict.expect("exposures", expected, found)


def _added(totals: Iterable[Record]) -> dict[str, Record]:
    """The sums of all partitions by arm."""
    sums: dict[str, Record] = {}
    for each in totals:
        arm = sums.setdefault(each["arm"], {"enrolled": 0, **{metric: [0] * 4 for metric in _METRICS}})
        arm["enrolled"] += each["enrolled"]
        for metric, found in each.get("metrics", {}).items():
            arm[metric] = [total + one for total, one in zip(arm[metric], found[:4], strict=True)]
    return sums


def _sent(event: Event) -> tuple[object, ...]:
    return event.kind, event.item, event.time, event.value, event.recommendation, event.position


def _content(record: Record) -> tuple[object, ...]:
    names = ("kind", "item", "time", "value", "recommendation", "position")
    return tuple(record.get(name) for name in names)
