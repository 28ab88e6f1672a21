"""The alert and recording rules do what they say, shown by Prometheus's own rule tests."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.docs import SERVICES
from deploy.local.paths import DEPLOY, SEARCH_PATH

PROMETHEUS = DEPLOY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
RULE_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def _promtool(*arguments: object) -> None:
    command = ["promtool", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": SEARCH_PATH}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _rules(kind: str) -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def _alert_checks() -> list[dict[str, Any]]:
    tests = [test for path in RULE_TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    return [check for test in tests for check in test.get("alert_rule_test", ())]


ALERTS = {rule["alert"]: rule for rule in _rules("alert")}


def test_rules_are_valid() -> None:
    _promtool("check", "rules", *RULES)


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_rules_pass_their_tests(path: Path) -> None:
    _promtool("test", "rules", path)


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_is_shown_both_firing_and_silent(alert: str) -> None:
    outcomes = {bool(check["exp_alerts"]) for check in _alert_checks() if check["alertname"] == alert}
    assert outcomes == {True, False}


def test_checks_name_alerts_that_exist() -> None:
    assert {check["alertname"] for check in _alert_checks()} == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_says_what_is_wrong_what_to_do_and_how_urgent_it_is(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}
    assert len(rule["annotations"]["description"]) > 80


def test_every_service_is_watched() -> None:
    jobs = re.search(r'up\{job=~"([^"]+)"\}', ALERTS["ServiceDown"]["expr"])
    assert jobs is not None
    assert all(re.fullmatch(jobs[1], service) for service in SERVICES)
