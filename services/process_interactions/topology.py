"""What process_interactions reads, writes and remembers, as a topology."""

from headrace.interactions.records import (
    ERASED,
    EXPOSURES,
    FEATURES,
    ITEM_MODELS,
    LESSONS,
    MADE,
    RAW,
    RECOMMENDERS,
    SESSIONS,
    TOTALS,
)
from headrace.streams.topology import Stage, Topology
from process_interactions.learning.rules import LearningRules
from process_interactions.subjects.rules import SubjectRules

CHANGELOG = "process_interactions.changelog"
LEARNING_CHANGELOG = "process_interactions.learning.changelog"


def subjects_stage(rules: SubjectRules) -> Stage:
    """Interactions and answers in; what is known of each subject, and what is to be learned, out."""
    outputs = (FEATURES, SESSIONS, LESSONS, EXPOSURES, TOTALS)
    return Stage("subjects", (RAW, MADE, ERASED), rules, outputs, CHANGELOG, tables=(ERASED,))


def learning_stage(rules: LearningRules) -> Stage:
    """Lessons and exposures in, of one partition each; versions of the model out."""
    return Stage("learning", (LESSONS, EXPOSURES), rules, (ITEM_MODELS, RECOMMENDERS), LEARNING_CHANGELOG)


def interactions_topology(group: str, subjects: SubjectRules, *others: Stage) -> Topology:
    """The stage of subjects, and those that go on from what it writes."""
    return Topology(group, (subjects_stage(subjects), *others))
