"""The rules of both stages as the settings have them, in a worker and in a replay."""

from collections.abc import Callable
from dataclasses import replace

from headrace.experiments.folder import load_experiments
from process_interactions.learning.recommender_rules import recommender_rules
from process_interactions.learning.rules import LearningRules
from process_interactions.settings import Settings
from process_interactions.subjects.rules import SubjectRules

_REPLAY_PUBLISH_US = 60_000_000


def subject_rules(settings: Settings, will_be_erased: Callable[[bytes], bool] = lambda _: False) -> SubjectRules:
    """Those of the stage of subjects.

    Args:
        will_be_erased: see `SubjectRules`.

    Raises:
        ConfigurationError: an experiment file is wrong.
    """
    return SubjectRules(settings.of_subjects(), load_experiments(settings.experiments), None, will_be_erased)


def learning_rules(settings: Settings, *, is_replay: bool = False) -> LearningRules:
    """Those of the stage that learns the online model.

    A replay publishes it each minute of append time, of which there are many in a second.
    """
    limits = settings.of_learning()
    if is_replay:
        limits = replace(limits, publish_every_us=max(limits.publish_every_us, _REPLAY_PUBLISH_US))
    return recommender_rules(limits, republish=settings.publication_name())
