"""The report and the card: what they say, and that strangers' names do nothing in them."""

import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from headrace.models.manifest import Task
from tests.unit.train_models.judging.small_results import FACTS, small_file, small_result
from train_models.judging.judge import judge
from train_models.judging.model_card import model_card
from train_models.judging.report import report_html

_EVIL = (r"<b>use</b> $\frac$", "pl|an\u202e`<img src=x onerror=alert(1)>")
_EVIL_LEVELS = ("<script>alert(1)</script>", "a]]>&amp;", '"rare"')


class _Tags(HTMLParser):
    """Collects tags, attributes and text of a page, and that tags close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(task: Task, **more: Any) -> str:
    result, file = small_result(task), small_file(task, **more)
    return report_html(result, file, FACTS, judge(result, file, draws=100))


@pytest.fixture(scope="module")
def churn_page() -> str:
    return _page("classification", threshold={"cost": {"false_positive": 1, "false_negative": 5}})


def test_that_the_report_tells_what_was_judged(churn_page: str) -> None:
    text = _Tags(churn_page).text
    assert "Predicts the probability that gone is Yes, by good (of good)" in text
    for part in ("Candidates", "Hold-out", "Decisions", "Probabilities", "Slices", "What it lives on", "Inputs"):
        assert part in text
    for fact in (
        "ab" * 32,
        "cd" * 32,
        "headrace models train small",
        "no label: 7",
        "scikit-learn 1.9.1",
        "alpha = 1.0",
    ):
        assert fact in text
    assert "a false negative costs 5" in text
    assert "paired bootstrap, ROC-AUC" in text
    assert "clearly worse" in text


@pytest.mark.parametrize(
    ("task", "titles"),
    [
        (
            "classification",
            {"ROC", "Precision and recall", "Threshold trade-off", "Calibration", "Gain and lift", "Learning curve"},
        ),
        ("regression", {"Predicted against true", "Residuals", "Spread of residuals", "Learning curve"}),
    ],
)
def test_that_each_task_has_its_pictures(task: Task, titles: set[str]) -> None:
    page = _page(task)
    found = set(re.findall(r"<figure[^>]*><h3>([^<]*)</h3><svg", page))
    assert found == {*titles, "Candidates over the folds", "Permutation importance"}


def test_that_the_report_needs_nothing_from_elsewhere(churn_page: str) -> None:
    for tag, attributes in _Tags(churn_page).tags:
        assert tag not in ("script", "link", "iframe", "img", "object", "image")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href"):
                assert value is not None
                assert value.startswith("#")
    assert "default-src 'none'" in churn_page
    assert not re.search(r"url\((?!#)", churn_page)


def test_that_pictures_take_the_colours_of_the_page(churn_page: str) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", churn_page, re.DOTALL))
    assert "var(--blue)" in drawn
    assert set(re.findall(r"#[0-9a-f]{6}\b", drawn)) <= {"#ffffff"}
    used, defined = set(re.findall(r"var\((--[a-z-]+)\)", churn_page)), set(re.findall(r"(--[a-z-]+):", churn_page))
    assert used <= defined


def test_that_the_same_training_gives_the_same_page(churn_page: str) -> None:
    assert _page("classification", threshold={"cost": {"false_positive": 1, "false_negative": 5}}) == churn_page


def test_that_names_of_strangers_stay_text() -> None:
    result = small_result("classification", names=_EVIL, levels=_EVIL_LEVELS)
    file = small_file("classification", names=_EVIL, about="<i>see</i> [here](javascript:alert(1))")
    judged = judge(result, file, draws=50)
    page = report_html(result, file, FACTS, judged)
    tags = _Tags(page)
    assert not {"b>use", "script", "i", "img"} & {tag for tag, _ in tags.tags}
    assert _EVIL[0] in tags.text
    assert escape(_EVIL[0], quote=False) in "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert "\u202e" not in page
    card = model_card(file, FACTS, judged)
    assert "\u202e" not in card
    assert not re.search(r"(?<!\\)<", card)
    assert "\\[here\\]\\(javascript" in card


def test_that_the_card_tells_use_metrics_threshold_caveats_and_origin() -> None:
    result, file = small_result("classification"), small_file("classification")
    judged = judge(result, file, draws=100)
    card = model_card(file, FACTS, judged)
    for heading in (
        "Intended use",
        "Know before use",
        "Data",
        "How good it is",
        "Decisions",
        "Slices",
        "Reproducibility",
    ):
        assert f"\n## {heading}\n" in card
    roc_auc = judged.hold_out["roc_auc"]
    assert f"| ROC-AUC | {roc_auc.value:.3f} | {roc_auc.low:.3f} to {roc_auc.high:.3f} |" in card
    assert "from a probability of 0.4 on. It gives the greatest F score" in card
    assert "plan is b" in card
    assert "too few rows to judge" in card
    assert "cd" * 32 in card


def test_that_a_regressions_card_has_no_threshold() -> None:
    result, file = small_result("regression"), small_file("regression")
    card = model_card(file, FACTS, judge(result, file, draws=50))
    assert "## Decisions" not in card
    assert "| RMSE |" in card


def test_that_a_hold_out_of_one_class_still_has_a_report() -> None:
    result, file = small_result("classification"), small_file("classification")
    target = result.rows.target.copy()
    target[result.hold_out] = 0
    result = replace(result, rows=replace(result.rows, target=target))
    page = report_html(result, file, FACTS, judge(result, file, draws=20))
    assert ">Calibration</h3><svg" in page
    assert ">ROC</h3>" not in page
    assert "nan" not in _Tags(page).text


def test_that_both_say_that_rows_hang_together() -> None:
    result, file = small_result("classification"), small_file("classification")
    held = replace(result, rows=replace(result.rows, groups=np.arange(720) // 3))
    judged = judge(held, file, draws=50)
    for text in (report_html(held, file, FACTS, judged), model_card(file, FACTS, judged)):
        assert f"of {judged.hold_out_clusters} groups, and rows of a group hang together" in text
    alone = judge(result, file, draws=50)
    assert "hang together" not in report_html(result, file, FACTS, alone) + model_card(file, FACTS, alone)
