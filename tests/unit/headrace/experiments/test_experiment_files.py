"""What experiment files may say, and what is said of those that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.errors import ConfigurationError
from headrace.experiments.experiments import Experiments
from headrace.experiments.folder import EXPERIMENTS_FOLDER, load_experiments
from headrace.recommend.policy import Policy
from tests.unit.headrace.experiments.trying import experiment

GOOD: dict[str, Any] = {
    "state": "running",
    "start": "2026-01-01T00:00:00Z",
    "arms": {"control": {"share": 0.5}, "varied": {"share": 0.5}},
    "metrics": {"bought": {"measure": "happened", "kinds": ["purchase"]}},
    "primary": "bought",
}


def _load(folder: Path, **changes: Any) -> Experiments:
    (folder / "variety.yaml").write_text(yaml.safe_dump({**GOOD, **changes}))
    return load_experiments(folder)


def test_the_file_names_the_experiment_and_the_first_arm_is_the_control(tmp_path: Path) -> None:
    (found,) = _load(tmp_path)
    assert (found.name, found.salt, found.control, found.treatments()) == ("variety", "variety", "control", ["varied"])


def test_no_folder_is_no_experiments(tmp_path: Path) -> None:
    assert len(load_experiments(tmp_path / "none")) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arms": {"control": {"share": 0.5}, "varied": {"share": 0.4}}}, "the shares add up to 0.9; they must to 1"),
        ({"arms": {"control": {"share": 1.0}}}, "arms"),
        ({"arms": {"holdout": {"share": 0.5}, "varied": {"share": 0.5}}}, "name this one otherwise"),
        ({"control": "other"}, "other is not among the arms control, varied"),
        ({"primary": "sold"}, "sold not among the metrics"),
        ({"guardrails": [{"metric": "sold", "margin": 1}]}, "sold not among the metrics"),
        ({"guardrails": [{"metric": "bought", "margin": 0}]}, "guardrails.0.margin"),
        ({"end": "2025-01-01T00:00:00Z"}, "end must be after start"),
        ({"start": "2026-01-01T00:00:00"}, "start"),
        ({"target": {"traffic": [0.5, 0.5]}}, "traffic is \\[from, to\\]"),
        ({"stop": {"least_people": 500, "most_people": 400}}, "must be more than least_people"),
        ({"metrics": {"bought": {"measure": "happened", "kinds": ["sale"]}}}, "metrics.bought.kinds.0"),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"name": "variety"}, "without `name`"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        _load(tmp_path, **changes)
    assert "variety.yaml" in str(refused.value)


def test_what_is_no_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "variety.yaml").write_text("a: [")
    with pytest.raises(ConfigurationError, match=r"variety.yaml can't be read as YAML"):
        load_experiments(tmp_path)


def _sets(name: str, policy: dict[str, Any], **target: Any) -> Any:
    arms = {"control": {"share": 0.5}, "varied": {"share": 0.5, "policy": policy}}
    return experiment(name=name, arms=arms, target=target)


def test_two_experiments_must_not_set_the_same_for_the_same_people() -> None:
    one = _sets("one", {"diversity": {"likeness_cost": 1}})
    with pytest.raises(ConfigurationError, match=r"both set diversity.likeness_cost"):
        Experiments([one, _sets("two", {"diversity": {"likeness_cost": 2}})])
    Experiments([one, _sets("two", {"diversity": {"most_per_category": 2}})])
    Experiments([one, _sets("two", {"diversity": {"likeness_cost": 2}}, site="elsewhere")])
    apart = _sets("one", {"diversity": {"likeness_cost": 1}}, surfaces=["home"])
    Experiments([apart, _sets("two", {"diversity": {"likeness_cost": 2}}, surfaces=["basket"])])


def test_sources_are_set_as_a_whole_so_two_experiments_can_not_share_them() -> None:
    with pytest.raises(ConfigurationError, match="both set sources"):
        Experiments([_sets("one", {"sources": {"fresh": 10}}), _sets("two", {"sources": {"content": 10}})])


def test_experiments_of_a_layer_must_not_overlap() -> None:
    one = _sets("one", {"diversity": {"likeness_cost": 1}}, layer="rank", traffic=[0, 0.5])
    with pytest.raises(ConfigurationError, match="overlap in layer rank"):
        Experiments([one, _sets("two", {}, layer="rank", traffic=[0.4, 1])])
    Experiments([one, _sets("two", {"diversity": {"likeness_cost": 2}}, layer="rank", traffic=[0.5, 1])])


def test_what_arms_set_together_is_merged_deep() -> None:
    found = Experiments(
        [_sets("one", {"diversity": {"likeness_cost": 1}}), _sets("two", {"diversity": {"most_per_category": 2}})]
    )
    both = found.overrides({"two": "varied", "one": "varied"})
    assert both == {"diversity": {"likeness_cost": 1, "most_per_category": 2}}
    assert found.overrides({"one": "control", "two": "holdout", "gone": "x"}) == {}


def test_the_shipped_experiment_fits_the_policy() -> None:
    shipped = load_experiments(EXPERIMENTS_FOLDER)
    assert [each.name for each in shipped] == ["home_variety"]
    changed = Policy().changed(shipped.overrides_of("home_variety", "varied"))
    assert changed.diversity.likeness_cost > Policy().diversity.likeness_cost
