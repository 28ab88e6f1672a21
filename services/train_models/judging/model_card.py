"""A model's card in Markdown: what it is for, how good, for whom it is worse, and how to make it again.

The sections are those of Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, for what training can know.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from train_models.judging.judged import Judged
from train_models.judging.report_facts import ReportFacts
from train_models.judging.report_tables import about_intervals
from train_models.judging.slices import Slice
from train_models.judging.wording import (
    by_whom,
    interval_text,
    label,
    legible,
    mean_and_deviation,
    metric_number,
    moment,
    number,
    p_text,
    threshold_reason,
    verdict,
)
from train_models.model_file import ModelFile

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>&~])")


def model_card(model_file: ModelFile, facts: ReportFacts, judged: Judged) -> str:
    """The card; the same arguments give the same text."""
    parts = [
        f"# {_safe(model_file.name)}",
        "\n".join(_about(model_file, facts, judged)),
        "## Intended use",
        _use(model_file, judged),
        "## Know before use",
        _list(map(_safe, judged.caveats)) or "Nothing was found that speaks against it.",
        "## Data",
        _list(_data(facts, judged)),
        "## How good it is",
        _metrics(judged),
        *(["## Decisions", _decisions(model_file, judged)] if judged.task == "classification" else []),
        "## Against other candidates",
        _candidates(judged),
        *(["## Slices", _slices(judged)] if judged.slices else []),
        "## Reproducibility",
        _list(_making(model_file, facts, judged)),
    ]
    return "\n\n".join(parts) + "\n"


def _about(model_file: ModelFile, facts: ReportFacts, judged: Judged) -> Iterator[str]:
    if model_file.about:
        yield f"{_safe(model_file.about)}\n"
    chosen = judged.candidates[0]
    yield f"Made {moment(facts.created)} by {_safe(by_whom(chosen.name, chosen.algorithm))}."


def _use(model_file: ModelFile, judged: Judged) -> str:
    if judged.task == "regression":
        said = f"It predicts {_safe(model_file.data.label)}, in that column's unit"
    else:
        said = f"It predicts the probability that {_safe(model_file.data.label)} is {_safe(model_file.data.positive)}"
    return (
        f"{said}, for rows that come from where its training rows came from. It finds what goes together, not what "
        "causes what: it does not say what a change of an input would bring. Where the source, its population or what "
        "an input means has changed, train it again first."
    )


def _data(facts: ReportFacts, judged: Judged) -> Iterator[str]:
    yield f"{facts.data_rows:,} rows from {_safe(facts.source)}, SHA-256 `{facts.data_sha256}`"
    yield f"{judged.development_rows:,} to train and choose, {judged.hold_out_rows:,} held out and looked at once"
    if judged.task == "classification":
        yield f"{judged.base:.1%} positive"
    else:
        yield f"mean value {number(judged.base)}"
    if facts.left_out:
        yield "left out: " + ", ".join(f"{_safe(why)} {count:,}" for why, count in facts.left_out.items())


def _metrics(judged: Judged) -> str:
    rows = (
        (
            label(name),
            metric_number(name, found.value),
            interval_text(name, found),
            mean_and_deviation(judged.over_folds[name]),
        )
        for name, found in judged.hold_out.items()
    )
    found = _table(("metric", "hold-out", "95 % interval", "mean ± deviation over folds"), rows)
    return f"{about_intervals(judged)}\n\n{found}"


def _decisions(model_file: ModelFile, judged: Judged) -> str:
    threshold = 0.5 if judged.threshold is None else judged.threshold
    calibrated = "not calibrated" if judged.calibration in (None, "none") else f"calibrated ({judged.calibration})"
    return (
        f"The decision is positive from a probability of {threshold:.6g} on. {threshold_reason(model_file.threshold)} "
        f"Probabilities are {calibrated}; on the hold-out their expected calibration error is "
        f"{judged.calibration_error:.3f}."
    )


def _candidates(judged: Judged) -> str:
    rows = []
    for each in judged.candidates:
        kind = " (chosen)" if each.is_chosen else " (baseline)" if each.is_baseline else ""
        test = each.against_chosen
        compared = (p_text(test), verdict(test)) if test else ("", "")
        rows.append((f"{_safe(each.name)}{kind}", mean_and_deviation(each.summary[judged.metric]), *compared))
    return _table(("candidate", f"{label(judged.metric)} over folds", "p against the chosen", "it is"), rows)


def _slices(judged: Judged) -> str:
    headings = ("input", "group", "rows", label(judged.metric), "95 % interval", "")
    return _table(headings, (_slice(judged.metric, each) for each in judged.slices))


def _slice(metric: str, found: Slice) -> Sequence[str]:
    names = (_safe(found.input), _safe(found.group), f"{found.rows:,}")
    if found.is_too_small:
        return (*names, "", "", "too few rows to judge")
    interval = found.metrics[metric]
    return (
        *names,
        number(interval.value),
        interval_text(metric, interval),
        "clearly worse" if found.is_clearly_worse else "",
    )


def _making(model_file: ModelFile, facts: ReportFacts, judged: Judged) -> Iterator[str]:
    chosen = judged.candidates[0]
    yield f"`headrace models train {model_file.name}` with this snapshot, seed and libraries gives the same content"
    if facts.content_sha256:
        yield f"content SHA-256 `{facts.content_sha256}`"
    yield f"seed {model_file.validation.seed}, code {_safe(facts.code)}"
    if chosen.params:
        yield "parameters: " + ", ".join(
            f"{_safe(name)} = {_safe(value)}" for name, value in sorted(chosen.params.items())
        )
    yield "libraries: " + ", ".join(
        f"{_safe(name)} {_safe(version)}" for name, version in sorted(facts.libraries.items())
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _safe(text: object) -> str:
    """A stranger's text, without what is markup or HTML to Markdown."""
    return _MARKUP.sub(r"\\\1", legible(str(text)))
