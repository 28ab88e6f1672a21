"""Registers the online models for `headrace replay` (entry point `headrace.topologies`)."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.models.online import load_online_models
from headrace.models.promoted import PromotedModels
from headrace.replay.replayable import OnFailure, Replayable
from process_predictions.online.family import families
from process_predictions.online.rules import OnlineRules
from process_predictions.roles import Roles
from process_predictions.settings import Settings
from process_predictions.topology import online_topology

PROMOTED_TIMEOUT_S = 60.0


def replayable(brokers: str) -> Replayable:
    """The online stage by the service's settings, but for the brokers; roles are those of today."""
    settings = Settings.load(brokers=brokers)
    models = load_online_models(settings.models)
    roles = Roles(models)
    rules = OnlineRules(families(models), roles.get, forget_after_s=settings.forget_after_s)

    @contextmanager
    def running(on_failure: OnFailure) -> Iterator[None]:
        promoted = PromotedModels(brokers, roles.take, on_failure)
        promoted.start(PROMOTED_TIMEOUT_S)
        try:
            yield
        finally:
            promoted.stop()

    return Replayable(online_topology(settings.group, rules), settings.version, "PROCESS_PREDICTIONS_VERSION", running)
