"""What promote, canary, shadow and rollback make of how a model stands."""

from collections.abc import Callable

import pytest

from headrace.errors import ConfigurationError
from headrace.models.records import ModelVersion, Promotion
from train_models.registry.promotion_rules import (
    HISTORY,
    rolled_back,
    with_canary,
    with_champion,
    with_shadow,
    without_canary,
    without_shadow,
)


def _version(number: int) -> ModelVersion:
    return ModelVersion(number, f"/artifacts/{number}", f"{number:064x}")


def _promoted(*numbers: int) -> Promotion:
    standing = None
    for number in numbers:
        standing = with_champion(standing, "churn", _version(number), now=number, reason="")
    assert standing is not None
    return standing


def test_the_first_champion_has_none_before() -> None:
    first = with_champion(None, "churn", _version(1), now=5, reason="the first")
    assert first == Promotion("churn", 1, _version(1), 5, "the first")


def test_a_champion_puts_the_one_before_into_the_history() -> None:
    third = _promoted(1, 2, 3)
    assert (third.revision, third.champion, third.before) == (3, _version(3), (_version(2), _version(1)))


def test_a_champion_that_was_one_before_is_in_the_history_once() -> None:
    again = _promoted(1, 2, 1)
    assert again.champion == _version(1) and again.before == (_version(2),)


def test_the_history_is_bounded_and_keeps_the_newest() -> None:
    last = _promoted(*range(1, 40))
    assert [each.version for each in last.before] == list(range(38, 38 - HISTORY, -1))


def test_a_command_given_again_changes_nothing() -> None:
    standing = _promoted(1, 2)
    assert with_champion(standing, "churn", _version(2), 9, "again") is standing
    canary = with_canary(standing, "churn", _version(1), 0.1, 9)
    assert with_canary(canary, "churn", _version(1), 0.1, 10) is canary
    shadow = with_shadow(standing, "churn", _version(1), 9)
    assert with_shadow(shadow, "churn", _version(1), 10) is shadow
    assert without_canary(standing, "churn", 9) is standing and without_shadow(standing, "churn", 9) is standing


def test_a_canary_and_a_shadow_begin_and_end_beside_the_champion() -> None:
    tried = with_shadow(with_canary(_promoted(1), "churn", _version(2), 0.1, 7), "churn", _version(3), 8)
    assert (tried.champion, tried.canary, tried.canary_share, tried.shadow) == (
        _version(1),
        _version(2),
        0.1,
        _version(3),
    )
    ended = without_shadow(without_canary(tried, "churn", 9), "churn", 10)
    assert (ended.canary, ended.canary_share, ended.shadow, ended.revision) == (None, 0.0, None, 5)


def test_a_version_has_one_role() -> None:
    canary = with_canary(_promoted(1), "churn", _version(2), 0.1, 7)
    promoted = with_champion(canary, "churn", _version(2), 8, "")
    assert (promoted.champion, promoted.canary, promoted.canary_share) == (_version(2), None, 0.0)
    shadow = with_shadow(canary, "churn", _version(2), 8)
    assert (shadow.canary, shadow.canary_share, shadow.shadow) == (None, 0.0, _version(2))


def test_a_new_champion_leaves_another_canary() -> None:
    canary = with_canary(_promoted(1), "churn", _version(2), 0.1, 7)
    assert with_champion(canary, "churn", _version(3), 8, "").canary == _version(2)


def test_rollbacks_go_back_one_by_one() -> None:
    second = rolled_back(_promoted(1, 2, 3), "churn", now=9, reason="alarms")
    assert (second.revision, second.champion, second.before) == (4, _version(2), (_version(1),))
    assert second.reason == "rollback from version 3: alarms"
    first = rolled_back(second, "churn", now=10)
    assert (first.champion, first.before) == (_version(1), ())
    with pytest.raises(ConfigurationError, match="no champion before version 1"):
        rolled_back(first, "churn", now=11)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5])
def test_a_share_must_be_a_part(share: float) -> None:
    with pytest.raises(ConfigurationError, match="above 0 and below 1"):
        with_canary(_promoted(1), "churn", _version(2), share, 7)


def test_the_champion_is_no_canary_nor_shadow() -> None:
    with pytest.raises(ConfigurationError, match="is the champion"):
        with_canary(_promoted(1), "churn", _version(1), 0.1, 7)
    with pytest.raises(ConfigurationError, match="is the champion"):
        with_shadow(_promoted(1), "churn", _version(1), 7)


def test_without_a_champion_nothing_is_tried_or_rolled_back() -> None:
    changes: tuple[Callable[[], object], ...] = (
        lambda: with_canary(None, "churn", _version(1), 0.1, 7),
        lambda: with_shadow(None, "churn", _version(1), 7),
        lambda: without_canary(None, "churn", 7),
        lambda: without_shadow(None, "churn", 7),
        lambda: rolled_back(None, "churn", 7),
    )
    for change in changes:
        with pytest.raises(ConfigurationError, match="headrace models promote churn"):
            change()
