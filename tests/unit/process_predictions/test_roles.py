"""Which variant of an online model is its champion."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from headrace.models.records import ModelVersion, Promotion, Role, Withdrawal
from process_predictions.metrics import ScoringMetrics
from process_predictions.roles import Roles
from tests.unit.process_predictions.online_driver import shipped
from tests.unit.process_predictions.scoring_driver import ScoringDriver


def _roles(roles: Roles) -> dict[int, Role]:
    versions = [variant.version for model in shipped() if model.name == "next_hour" for variant in model.variants]
    return {version: roles.get("next_hour", version) for version in versions}


def _version(number: int) -> ModelVersion:
    return ModelVersion(number, "", "")


def test_promotions_change_roles_and_a_withdrawal_goes_back_to_the_first() -> None:
    roles = Roles(shipped())
    assert _roles(roles) == {1: "champion", 2: "shadow"}
    roles.take(Promotion("next_hour", 1, _version(2), 1, canary=_version(1)))
    assert _roles(roles) == {1: "canary", 2: "champion"}
    roles.take(Promotion("next_hour", 2, _version(9), 1))
    roles.take(Promotion("another", 1, _version(1), 1))
    assert _roles(roles) == {1: "canary", 2: "champion"}, "a variant that the file has not, or another model"
    assert roles.are_known == {"next_hour": False, "unusual_hour": True}
    roles.take(Withdrawal("another"))
    roles.take(Withdrawal("next_hour"))
    assert _roles(roles) == {1: "champion", 2: "shadow"}
    assert roles.are_known == {"next_hour": True, "unusual_hour": True}


def test_a_promoted_variant_that_the_file_has_not_shows(tmp_path: Path) -> None:
    roles, registry = Roles(shipped()), CollectorRegistry()
    driver = ScoringDriver(tmp_path)
    ScoringMetrics(driver.deployments, driver.counts, registry, (), lambda: roles.are_known)
    of = {"service": "process_predictions", "model": "next_hour", "role": "champion"}
    for promoted, shown in ((2, 0), (9, 1), (1, 0)):
        roles.take(Promotion("next_hour", promoted, _version(promoted), 1))
        assert registry.get_sample_value("headrace_model_not_loaded", of) == shown
