"""The tables and tiles of a model's report."""

from collections.abc import Iterator

from train_models.judging.judged import Judged, JudgedCandidate
from train_models.judging.metrics import BY_PROBABILITY, COUNTS, REGRESSION
from train_models.judging.paired_tests import DECISIONS, MCNEMAR, PairedTest
from train_models.judging.report_facts import ReportFacts
from train_models.judging.report_parts import row, safe, table, tile
from train_models.judging.slices import Slice
from train_models.judging.wording import (
    by_whom,
    interval_text,
    label,
    mean_and_deviation,
    metric_number,
    moment,
    number,
    p_text,
    verdict,
)
from train_models.model_file import ModelFile
from train_models.training_result import TrainingResult

ABOUT_SLICES = (
    "The hold-out by groups, the worst first. Clearly worse is beyond chance for as many groups as there are. A "
    "ROC-AUC is lower within groups that themselves tell much of the target: compare models, not only groups."
)


def heading(model_file: ModelFile, facts: ReportFacts, judged: Judged) -> str:
    """What the model is."""
    label_said = f"{model_file.data.label} is {model_file.data.positive}" if judged.task == "classification" else ""
    predicted = f"the probability that {label_said}" if label_said else f"the value of {model_file.data.label}"
    chosen = judged.candidates[0]
    about = f"<p>{safe(model_file.about)}</p>" if model_file.about else ""
    made = f"Predicts {predicted}, by {by_whom(chosen.name, chosen.algorithm)}. Made {moment(facts.created)}."
    return f'<p class="soft">{safe(made)}</p>{about}'


def tiles(judged: Judged) -> str:
    """What is asked first."""
    found, folds = judged.hold_out[judged.metric], judged.over_folds[judged.metric]
    made = [
        tile(
            f"{label(judged.metric)} on the hold-out",
            metric_number(judged.metric, found.value),
            interval_text(judged.metric, found),
        ),
        tile(
            f"{label(judged.metric)} over the folds",
            number(folds.mean),
            f"± {number(folds.deviation)}, {folds.folds} folds",
        ),
        tile("Rows", f"{judged.development_rows + judged.hold_out_rows:,}", f"{judged.hold_out_rows:,} held out"),
    ]
    if judged.task == "classification":
        made.append(tile("Positive", f"{judged.base:.1%}", "of all rows"))
        calibrated = {None: "not calibrated", "none": "not calibrated"}.get(
            judged.calibration, f"{judged.calibration} calibration"
        )
        made.append(tile("Threshold", number(0.5 if judged.threshold is None else judged.threshold), calibrated))
    else:
        made.append(tile("Mean value", number(judged.base), "of all rows"))
    return f'<div class="tiles">{"".join(made)}</div>'


def caveats(judged: Judged) -> str:
    """What a reader must know before use."""
    if not judged.caveats:
        return '<div class="findings"><strong>Nothing was found that speaks against it</strong></div>'
    items = "".join(f"<li>{safe(caveat)}</li>" for caveat in judged.caveats)
    return f'<div class="findings some"><strong>Know before use</strong><ul>{items}</ul></div>'


def candidates(judged: Judged) -> str:
    """Each candidate over the folds, and whether it differs from the chosen."""
    others = BY_PROBABILITY if judged.task == "classification" else REGRESSION[:3]
    names = tuple(dict.fromkeys((judged.metric, *others)))
    headings = [("candidate", ""), *((label(name), "n") for name in names)]
    headings += [("difference", "n"), ("p", "n"), ("it is", ""), ("time", "n")]
    return table(headings, (_candidate(each, names) for each in judged.candidates))


def _candidate(found: JudgedCandidate, names: tuple[str, ...]) -> str:
    kind = "chosen" if found.is_chosen else "baseline" if found.is_baseline else ""
    mark = f' <span class="kind">{kind}</span>' if kind else ""
    test = found.against_chosen
    cells = [
        *((mean_and_deviation(found.summary[name]), "n") for name in names),
        (number(test.difference) if test else "", "n"),
        (p_text(test) if test else "", "n"),
        (verdict(test) if test else "", ""),
        (f"{found.seconds:,.1f} s", "n soft"),
    ]
    rest = row(cells).removeprefix("<tr>")
    style = ' class="chosen"' if found.is_chosen else ""
    return f'<tr{style}><td class="name">{safe(found.name)}{mark}</td>{rest}'


def about_hold_out(judged: Judged) -> str:
    """What the hold-out is."""
    decisions = (
        " Decisions, also the baselines', are at the model's threshold." if judged.task == "classification" else ""
    )
    rows = f"{judged.hold_out_rows:,} rows that had no part in any choice, looked at once."
    return f"{rows} {about_intervals(judged)}{decisions}"


def about_intervals(judged: Judged) -> str:
    """What was drawn to get them."""
    if judged.hold_out_clusters is None:
        return "Intervals are of a bootstrap."
    return (
        f"Its rows are of {judged.hold_out_clusters:,} groups, and rows of a group hang together: intervals and tests "
        "are of a bootstrap that draws whole groups."
    )


def hold_out(judged: Judged) -> str:
    """Each metric of the chosen with its interval, beside the folds' and the baselines'."""
    headings = [("metric", ""), ("hold-out", "n"), ("95 % interval", "n"), ("over the folds", "n")]
    headings += [(name, "n") for name in judged.baselines]
    return table(headings, (_metric(judged, name) for name in judged.hold_out if name not in COUNTS))


def _metric(judged: Judged, name: str) -> str:
    found = judged.hold_out[name]
    cells = [(label(name), "name"), (metric_number(name, found.value), "n"), (interval_text(name, found), "n soft")]
    cells.append((mean_and_deviation(judged.over_folds[name]), "n"))
    cells += [(metric_number(name, each[name].value), "n soft") for each in judged.baselines.values()]
    return row(cells, "chosen" if name == judged.metric else "")


def against_baselines(judged: Judged) -> str:
    """The tests of the chosen against each baseline on the hold-out."""
    headings = [
        ("against", ""),
        ("test", ""),
        ("difference", "n"),
        ("95 % interval", "n"),
        ("p", "n"),
        ("the chosen is", ""),
    ]
    rows = [_test(judged, name, test) for name, tests in judged.against_baselines.items() for test in tests]
    return table(headings, rows) if rows else ""


def _test(judged: Judged, name: str, test: PairedTest) -> str:
    of = label("accuracy" if test.test in (MCNEMAR, DECISIONS) else judged.metric)
    between = f"{number(test.low)} to {number(test.high)}" if test.low == test.low else "–"
    said = "better" if test.is_better() else "worse" if test.is_worse() else "not clearly better"
    cells = [(name, "name"), (f"{test.test}, {of}", ""), (number(test.difference), "n"), (between, "n soft")]
    return row([*cells, (p_text(test), "n"), (said, "" if said == "better" else "bad")])


def confusion(model_file: ModelFile, judged: Judged) -> str:
    """The four counts of the decisions on the hold-out."""
    tp, fp, tn, fn = (judged.hold_out[name] for name in COUNTS)
    positive = safe(model_file.data.positive)
    counts = {
        name: f"{found.value:,.0f}" for name, found in zip(("tp", "fp", "tn", "fn"), (tp, fp, tn, fn), strict=True)
    }
    rows = (
        f'<tr><th>is {positive}</th><td class="right">{counts["tp"]}<small>true positives</small></td>'
        f"<td>{counts['fn']}<small>false negatives</small></td></tr>"
        f"<tr><th>is not</th><td>{counts['fp']}<small>false positives</small></td>"
        f'<td class="right">{counts["tn"]}<small>true negatives</small></td></tr>'
    )
    at = number(0.5 if judged.threshold is None else judged.threshold)
    return (
        f'<div class="card wide matrix"><table><thead><tr><th>hold-out, at {at}</th>'
        f"<th>decided {positive}</th><th>decided not</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def slices(judged: Judged) -> str:
    """Each group of the hold-out, the worst first."""
    if not judged.slices:
        return ""
    shown = next((tuple(each.metrics) for each in judged.slices if each.metrics), (judged.metric,))
    is_share = judged.task == "classification"
    headings = [("input", ""), ("group", ""), ("rows", "n"), ("positive" if is_share else "mean value", "n")]
    headings += [
        ("mean probability" if is_share else "mean predicted", "n"),
        (label(shown[0]), "n"),
        ("95 % interval", "n"),
    ]
    headings += [(label(name), "n") for name in shown[1:]]
    return table(headings, (_slice(each, shown, is_share) for each in judged.slices))


def _slice(found: Slice, shown: tuple[str, ...], is_share: bool) -> str:
    means = (f"{value:.1%}" if is_share else number(value) for value in (found.mean_target, found.mean_score))
    cells: list[tuple[object, str]] = [(f"{found.rows:,}", "n"), *((mean, "n") for mean in means)]
    if found.metrics:
        first = found.metrics[shown[0]]
        cells += [(number(first.value), "n"), (interval_text(shown[0], first), "n soft")]
        cells += [(number(found.metrics[name].value), "n") for name in shown[1:]]
    else:
        cells += [("–", "n soft")] * (len(shown) + 1)
    remark = "too few to judge" if found.is_too_small else "clearly worse" if found.is_clearly_worse else ""
    mark = f' <span class="kind{" bad" if found.is_clearly_worse else ""}">{remark}</span>' if remark else ""
    names = f'<td class="name">{safe(found.input)}</td><td class="name">{safe(found.group)}{mark}</td>'
    return f"<tr>{names}{row(cells).removeprefix('<tr>')}"


def inputs(result: TrainingResult) -> str:
    """What a row must hold."""
    headings = [("input", ""), ("kind", ""), ("may be missing", ""), ("allowed, or seen in training", "")]
    rows = (
        row([(each.name, "name"), (each.kind, ""), ("yes" if each.nullable else "no", ""), (_allowed(each), "long")])
        for each in result.rows.inputs
    )
    return table(headings, rows)


def _allowed(found: object) -> str:
    levels, low, high = (getattr(found, name) for name in ("levels", "minimum", "maximum"))
    if levels:
        return ", ".join(levels[:12]) + (f", and {len(levels) - 12} more" if len(levels) > 12 else "")
    if low is None and high is None:
        return ""
    return f"{'' if low is None else number(low)} to {'' if high is None else number(high)}"


def making(model_file: ModelFile, facts: ReportFacts, judged: Judged) -> str:
    """Data, parameters, code, libraries and the command that gives the same model again."""
    made = "".join(
        f"<tr><th>{safe(name)}</th><td class='long'>{html}</td></tr>" for name, html in _made(model_file, facts, judged)
    )
    return f'<div class="card wide"><table><tbody>{made}</tbody></table></div>'


def _made(model_file: ModelFile, facts: ReportFacts, judged: Judged) -> Iterator[tuple[str, str]]:
    chosen, validation = judged.candidates[0], model_file.validation
    yield "data", safe(f"{facts.data_rows:,} rows from {facts.source}")
    yield "data SHA-256", f"<code>{safe(facts.data_sha256)}</code>"
    if facts.left_out:
        yield "left out", safe(", ".join(f"{why}: {count:,}" for why, count in facts.left_out.items()))
    params = ", ".join(f"{name} = {value}" for name, value in sorted(chosen.params.items()))
    yield "algorithm", safe(f"{chosen.algorithm}{': ' if params else ''}{params}")
    repeats = f", {validation.repeats} times" if validation.repeats > 1 else ""
    yield (
        "validation",
        safe(f"{validation.splits}, {validation.folds} folds{repeats}, hold-out {validation.hold_out:.0%}"),
    )
    yield "seed", safe(validation.seed)
    yield "code", safe(facts.code)
    yield "libraries", safe(", ".join(f"{name} {version}" for name, version in sorted(facts.libraries.items())))
    if facts.content_sha256:
        yield "content SHA-256", f"<code>{safe(facts.content_sha256)}</code>"
    again = f"headrace models train {model_file.name}"
    yield (
        "again",
        f"<code>{safe(again)}</code> with the same snapshot, seed and libraries gives the same content SHA-256",
    )
