"""Builds the retraining: the only place that makes its clients."""

from headrace.clock import SystemClock
from headrace.health import HealthServer
from headrace.metrics import new_registry
from train_models.metrics import Metrics
from train_models.model_file import load_model_files
from train_models.recommending.recommender_file import load_recommenders
from train_models.registry.mlflow_registry import Registry
from train_models.retraining.child_training import ChildTraining
from train_models.retraining.measure import Measured
from train_models.retraining.retrained import Retrained
from train_models.retraining.retrainer import Retrainer
from train_models.retraining.training_log import TrainingLog
from train_models.settings import Settings
from train_models.upkeep import DailyForgetting


def retrainer(settings: Settings) -> tuple[Retrainer, HealthServer]:
    """The retraining of all models whose files say when, and what shows its health.

    Raises:
        ConfigurationError: a model file is wrong.
    """
    files: dict[str, Retrained] = {**load_model_files(settings.models), **load_recommenders(settings.models)}
    models = {name: model for name, model in files.items() if model.retraining.is_wanted}
    registry = new_registry()
    health = HealthServer(settings.http_host, settings.http_port, registry)
    measure = Measured(settings, Registry(settings.registry_uri, settings.artifacts_uri))
    log = TrainingLog(settings.data / "retraining")
    metrics = Metrics(registry, models)
    clock = SystemClock()
    forget = DailyForgetting(settings, clock)
    made = Retrainer(models, measure, ChildTraining(), log, metrics, clock, settings.look_every_s, forget)
    return made, health
