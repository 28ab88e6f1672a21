"""All that a process has for predictions."""

from dataclasses import dataclass

from serve_api.predictions.deployments import Deployments
from serve_api.predictions.followed_promotions import FollowedPromotions
from serve_api.predictions.outcome_intake import OutcomeIntake
from serve_api.predictions.predictor import Predictor


@dataclass(frozen=True)
class Predictions:
    """Built once by `app`."""

    deployments: Deployments
    promotions: FollowedPromotions
    predictor: Predictor
    outcomes: OutcomeIntake
