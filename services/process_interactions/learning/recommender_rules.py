"""The rules of learning with the recommender's learner."""

from dataclasses import astuple
from functools import partial
from hashlib import blake2b

from headrace.recommend.learner import Learner
from headrace.recommend.learner_settings import LearnerSettings
from process_interactions.learning.counts import LearningCounts
from process_interactions.learning.limits import LearningLimits
from process_interactions.learning.rules import LearningRules


def recommender_rules(
    limits: LearningLimits | None = None,
    counts: LearningCounts | None = None,
    republish: str = "",
    settings: LearnerSettings | None = None,
) -> LearningRules:
    """A learner for each site; what was learned with other settings is refused, as they make it void."""
    settings = settings or LearnerSettings()
    digest = blake2b(repr(astuple(settings)).encode(), digest_size=4).hexdigest()
    schema = f"recommender/1 {digest}"
    return LearningRules(partial(Learner, settings=settings), schema, limits, counts, republish, settings.reach)
