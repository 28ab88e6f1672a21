"""An experiment's report as one page of HTML: no script, nothing from elsewhere, and all of strangers escaped."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from headrace.experiments.experiment import HOLDOUT
from headrace.experiments.report_picture import lifts_picture
from headrace.experiments.report_style import STYLE
from headrace.experiments.report_wording import (
    DECISIONS,
    GUARDRAILS,
    VERDICTS,
    amount,
    interval,
    moment,
    p_text,
    percent,
    percents,
)
from headrace.experiments.results import Decided, MetricArm, MetricResult, Results

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A page may have its own style and nothing else."""
_STYLES: dict[Decided, str] = {
    "ship": "good",
    "invalid": "bad",
    "stop_for_guardrail": "bad",
    "stop_as_worse": "bad",
    "inconclusive": "open",
    "running": "",
}
_Cell = tuple[object, str]


def report_html(results: Results) -> str:
    """A page that says what was tried, what is decided, and by what; the same results give the same page."""
    title = f"Experiment {results.experiment}"
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>"
    )
    body = "".join(_sections(results))
    return f"{head}<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"


def _sections(results: Results) -> Iterator[str]:
    said = (
        f"Revision {results.revision}, {results.state}, site {results.site}; from {moment(results.start)}"
        f"{'' if results.end is None else f' to {moment(results.end)}'}; sums of {moment(results.updated)}"
    )
    yield f'<p>{escape(results.about)}</p><p class="soft">{escape(said)}</p>'
    decision = results.decision
    which = "" if decision.arm is None else f" {decision.arm}"
    yield (
        f'<div class="decision {_STYLES[decision.decided]}"><b>{escape(DECISIONS[decision.decided] + which)}</b>'
        f"{escape(decision.reason[:1].upper() + decision.reason[1:])}.</div>"
    )
    yield f'<div class="tiles">{"".join(_tiles(results))}</div>'
    if drawn := lifts_picture(results):
        about = (
            f"Lift over {results.control} with intervals that hold at every look at once, at {1 - results.alpha:.0%}. "
            "Green and red: told apart after the correction for many comparisons. A triangle is a guardrail's margin."
        )
        yield f'<h2>Lifts</h2><figure class="card picture">{drawn}<figcaption>{escape(about)}</figcaption></figure>'
    yield f"<h2>Arms</h2>{_arms(results)}"
    yield f"<h2>Metrics</h2>{_metrics(results)}"
    if results.guardrails:
        yield f"<h2>Guardrails</h2>{_guardrails(results)}"
    yield f"<h2>How to read this</h2>{_reading(results)}"


def _tiles(results: Results) -> Iterator[str]:
    primary = _primary(results)
    compared = [each for each in primary.arms if each.difference is not None and each.arm in _treatments(results)]
    if compared:
        best = max(compared, key=lambda each: _goodness(primary, each))
        title = f"{primary.metric} in {best.arm}"
        if best.lift is None:
            yield _tile(title, amount(primary, best.difference, True), interval(primary, best.lower, best.upper))
        else:
            yield _tile(title, percent(best.lift, True), percents(best.lift_lower, best.lift_upper))
    people, enrolled = sum(each.people for each in results.arms), sum(each.enrolled for each in results.arms)
    yield _tile("People", f"{enrolled:,}", f"{people:,} with a closed window, who count")
    said = "not as planned" if results.sample_ratio.is_mismatched else "as planned"
    yield _tile("Sizes of the arms", said, f"p {p_text(results.sample_ratio.p)} at every look")
    taken = 1 - primary.variance_left
    yield _tile("Noise that the past took off", percent(taken), f"of {primary.metric}, by CUPED")


def _primary(results: Results) -> MetricResult:
    return next(each for each in results.metrics if each.metric == results.primary)


def _treatments(results: Results) -> set[str]:
    return {each.arm for each in results.arms} - {results.control, HOLDOUT}


def _goodness(metric: MetricResult, arm: MetricArm) -> float:
    return (arm.difference or 0.0) * (1 if metric.better == "higher" else -1)


def _tile(title: str, value: str, note: str) -> str:
    return (
        f'<div class="card tile"><span class="soft">{escape(title)}</span><b>{escape(value)}</b>'
        f'<span class="soft">{escape(note)}</span></div>'
    )


def _table(headings: Sequence[tuple[str, str]], rows: Iterable[Iterable[_Cell]]) -> str:
    head = "".join(f'<th class="{style}">{escape(title)}</th>' for title, style in headings)
    body = "".join(f"<tr>{''.join(_cell(*each) for each in row)}</tr>" for row in rows)
    return f'<div class="card wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: object, style: str) -> str:
    return f'<td class="{style}">{escape(str(text))}</td>'


def _arms(results: Results) -> str:
    total = sum(each.enrolled for each in results.arms) or 1
    headings = [("Arm", ""), ("What", ""), ("Planned", "n"), ("Seen", "n"), ("People", "n"), ("Counted", "n")]
    rows: list[list[_Cell]] = [
        [
            (each.arm + (" (control)" if each.arm == results.control else ""), ""),
            (each.about, "about"),
            (percent(each.share), "n"),
            (percent(each.enrolled / total), "n"),
            (f"{each.enrolled:,}", "n"),
            (f"{each.people:,}", "n"),
        ]
        for each in results.arms
    ]
    return _table(headings, rows)


def _metrics(results: Results) -> str:
    headings = [
        ("Metric", ""),
        ("Arm", ""),
        ("Mean", "n"),
        ("As seen", "n"),
        ("Difference", "n"),
        ("Interval", "n"),
        ("Lift", "n"),
        ("p, corrected", "n"),
        ("", ""),
    ]
    return _table(headings, [_metric_row(metric, arm) for metric in results.metrics for arm in metric.arms])


def _metric_row(metric: MetricResult, arm: MetricArm) -> list[_Cell]:
    name = metric.metric if metric.role == "secondary" else f"{metric.metric} ({metric.role})"
    return [
        (name if arm is metric.arms[0] else "", ""),
        (arm.arm, ""),
        (amount(metric, arm.mean), "n"),
        (amount(metric, arm.plain_mean), "n"),
        (amount(metric, arm.difference, True), "n"),
        (interval(metric, arm.lower, arm.upper), "n"),
        (percent(arm.lift, True), "n"),
        (p_text(arm.adjusted_p), "n"),
        (VERDICTS[arm.verdict], arm.verdict if arm.verdict in ("better", "worse") else ""),
    ]


def _guardrails(results: Results) -> str:
    by_name = {each.metric: each for each in results.metrics}
    headings = [("Metric", ""), ("Arm", ""), ("Harm is", ""), ("Margin", "n"), ("", "")]
    styles = {"kept": "better", "harmed": "worse", "unclear": ""}
    rows: list[list[_Cell]] = [
        [
            (each.metric, ""),
            (each.arm, ""),
            (each.worse, ""),
            (amount(by_name[each.metric], each.margin, True).removeprefix("+"), "n"),
            (GUARDRAILS[each.state], styles[each.state]),
        ]
        for each in results.guardrails
    ]
    return _table(headings, rows)


def _reading(results: Results) -> str:
    corrections = {
        "holm": "by Holm, which keeps the chance of any false call under alpha",
        "benjamini_hochberg": "by Benjamini and Hochberg, which bounds the share of false calls among the calls",
        "none": "not at all, as the file says",
    }
    paragraphs = [
        "A person enters with the first answer of the experiment, and counts once the "
        f"{results.window_hours:g} hours after it are over. What the person did before takes noise out of the means "
        "(CUPED), and changes none of them on average.",
        "Intervals are asymptotic confidence sequences (Waudby-Smith et al., arXiv 2103.06476) and p-values are always "
        "valid: looking often, and stopping when one likes, makes no false calls beyond alpha "
        f"({results.alpha:g}). The p-values of the primary metric, and apart from them all others, are corrected "
        f"{corrections[results.correction]}; a metric is told apart where the corrected one is at most alpha.",
        "A guardrail is kept where harm of its margin is ruled out, and harmed where there is more. The arms' sizes "
        "are tested at every look (Lindon and Malek 2022); where they are not as planned, no result counts.",
        "Where no lift is shown, the control's mean is too near to 0 to divide by.",
    ]
    return "".join(f'<p class="soft">{escape(each)}</p>' for each in paragraphs)
