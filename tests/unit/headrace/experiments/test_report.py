"""The page of an experiment's results."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from headrace.experiments.judge import judge
from headrace.experiments.report import report_html
from headrace.experiments.results import Results
from headrace.interactions.records import ExperimentTotals, Sums
from tests.unit.headrace.experiments.trying import T0, experiment

VOID = {"meta"}


def _results(rate: float = 0.13, **changes: object) -> Results:
    tried = experiment(
        about="Is <b>variety</b> liked?", guardrails=[{"metric": "bought", "margin": 0.01}], holdout=0.1, **changes
    )
    totals = [
        ExperimentTotals("default", "variety", 1, arm, 0, T0, n, {"bought": Sums(n, y := round(p * n), y)})
        for arm, n, p in (("control", 9_000, 0.1), ("varied", 9_000, rate), ("holdout", 2_000, 0.1))
    ]
    return judge(tried, totals, T0)


class _Page(HTMLParser):
    """Tags in their order; every one that is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    page = _Page(report_html(_results()))
    tags = {tag for tag, _ in page.seen}
    assert {"svg", "table", "circle", "path"} <= tags and not tags & {"script", "img", "link", "iframe", "b "}
    assert not any(name in {"src", "href"} for _, attributes in page.seen for name in attributes)
    (policy,) = (attributes["content"] for _, attributes in page.seen if "http-equiv" in attributes)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_page_says_what_the_results_say() -> None:
    page = _Page(report_html(_results()))
    for said in ("Experiment variety", "Is <b>variety</b> liked?", "Ship varied", "+30.0 %", "13.00 %", "20,000"):
        assert said in page.text
    assert "Ship" not in _Page(report_html(_results(rate=0.101))).text.split("Lifts")[0]


def test_every_comparison_is_drawn_within_the_picture() -> None:
    page = _Page(report_html(_results(rate=0.9)))
    marks = [float(attributes["cx"] or "nan") for tag, attributes in page.seen if tag == "circle"]
    assert len(marks) == 2 and all(300 <= x <= 790 for x in marks)


def test_the_same_results_make_the_same_page_and_an_empty_one_is_made_too() -> None:
    assert report_html(_results()) == report_html(_results())
    empty = judge(experiment(), [], T0)
    page = _Page(report_html(empty))
    assert "Running" in page.text and "svg" not in {tag for tag, _ in page.seen}


def test_names_are_escaped() -> None:
    page = report_html(replace(_results(), experiment="<script>alert(1)</script>"))
    assert "<script>" not in page
