"""The page of an online model, and how its versions are shown."""

from __future__ import annotations

import numpy as np
from rich.console import Console

from headrace.models.records import ModelVersion, Promotion
from tests.unit.process_predictions.online_driver import shipped
from train_models.online.block_losses import BlockLosses
from train_models.online.online_report import online_report_html
from train_models.online.online_tables import figures_table, online_versions_table, shared_table
from train_models.online.prequential import Prequential
from train_models.registry.mlflow_registry import RegisteredVersion

HOUR, UNUSUAL = shipped()
DAY = 86_400_000_000
FOUND = {
    1: Prequential(480, 2, 19_000 * DAY, 19_010 * DAY, 12.5, 400.0, 15.0, 900.0, 0.78, 0.64),
    2: Prequential(48, 2, 19_009 * DAY, 19_010 * DAY, 11.5, 361.0, None, None, None, None),
}
BLOCKS = BlockLosses(
    19_000 * 86_400 + np.arange(10) * 86_400.0,
    np.full(10, 48.0),
    np.zeros(10),
    np.full(10, 48.0),
    {1: np.full(10, 37.0), 2: np.full(10, 30.0)},
)
SECOND = Promotion("next_hour", 1, ModelVersion(2, "u", "s"), 1)


def test_the_page_shows_versions_figures_and_losses() -> None:
    page = online_report_html(HOUR, FOUND, BLOCKS, SECOND)
    for expected in ("gradient", "bayesian", "0.780", "RMSSE", "<svg", "version 2", "the last value", "480 periods"):
        assert expected in page, expected
    assert "<script" not in page and "default-src 'none'" in page
    assert page == online_report_html(HOUR, FOUND, BLOCKS, SECOND)


def test_the_page_of_nothing_says_so() -> None:
    page = online_report_html(HOUR, {}, None, None)
    assert "No prediction has an outcome yet" in page and "<svg" not in page


def test_figures_that_are_not_known_are_dashes() -> None:
    lines = _lines(figures_table(HOUR, FOUND))
    assert lines[1].split()[:9] == ["1", "480", "2", "0.780", "0.800", "12.50", "20.00", "15.00", "30.00"]
    assert lines[2].split()[:5] == ["2", "48", "2", "–", "–"]
    assert "last value's MAE" in lines[0] and "share's log loss" in _lines(figures_table(UNUSUAL, FOUND))[0]


def test_the_first_variant_is_champion_until_one_is_promoted() -> None:
    metrics = {"prequential_outcomes": 480.0, "prequential_mase": 0.78}
    versions = [RegisteredVersion(ModelVersion(number, "u", "s"), 1, metrics, {}, "run") for number in (3, 2, 1)]
    for promotion, expected in ((None, ("challenger", "champion")), (SECOND, ("champion", "challenger"))):
        retired, second, first = _lines(online_versions_table(HOUR, versions, promotion))[1:4]
        assert (expected[0] in second, expected[1] in first) == (True, True)
        assert "not in the file" in retired and "0.780" in first


def test_versions_stand_beside_the_forecast_without_a_model() -> None:
    shown = "\n".join(_lines(shared_table(HOUR, BLOCKS)))
    assert "MASE" in shown and "0.771" in shown and "0.625" in shown and "the last value" in shown and "1.000" in shown


def _lines(table: object) -> list[str]:
    console = Console(width=200, record=True, quiet=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()
