"""A model's report as one page of HTML: no script, nothing from elsewhere, and all of strangers escaped."""

from collections.abc import Iterator, Mapping

import numpy as np

from headrace.plot_style import SERIES
from train_models.judging import report_tables as tables
from train_models.judging.choice_plots import candidates_picture, importance_picture, learning_picture
from train_models.judging.classification_plots import (
    lift_picture,
    precision_recall_picture,
    reliability_picture,
    roc_picture,
    threshold_picture,
)
from train_models.judging.judge import Array, out_of_fold_scores
from train_models.judging.judged import Judged
from train_models.judging.regression_plots import predicted_picture, residual_spread_picture, residuals_picture
from train_models.judging.report_facts import ReportFacts
from train_models.judging.report_parts import pictures, safe, section
from train_models.judging.report_style import STYLE
from train_models.judging.wording import label, threshold_reason
from train_models.model_file import ModelFile
from train_models.training_result import TrainingResult

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A page may have its own style and nothing else."""


def report_html(result: TrainingResult, model_file: ModelFile, facts: ReportFacts, judged: Judged) -> str:
    """A page that says what the model is, how good, against what, for whom it is worse, and how to make it again.

    The same arguments give the same page.

    Args:
        judged: by `judge` of the same result and file.
    """
    title = f"Model {model_file.name}"
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}"><title>{safe(title)}</title>'
        f"<style>{STYLE}</style></head>"
    )
    body = "".join(_sections(result, model_file, facts, judged))
    return f"{head}<body><main><h1>{safe(title)}</h1>{body}</main></body></html>\n"


def _sections(result: TrainingResult, model_file: ModelFile, facts: ReportFacts, judged: Judged) -> Iterator[str]:
    yield tables.heading(model_file, facts, judged)
    yield tables.tiles(judged)
    yield tables.caveats(judged)
    about = (
        f"Mean ± standard deviation over {judged.candidates[0].summary[judged.metric].folds} outer folds of the "
        "development rows. The difference is the chosen's less the other's; p is of the corrected resampled t-test."
    )
    shown = [("Candidates over the folds", candidates_picture(judged.metric, judged.candidates), "Hollow: baselines.")]
    if result.learning_curve:
        curve = learning_picture(judged.metric, result.learning_curve)
        shown.append(("Learning curve", curve, "While it still gets better, more rows would help."))
    yield section("Candidates", tables.candidates(judged) + pictures(shown), about)
    yield section(
        "Hold-out",
        tables.hold_out(judged) + tables.against_baselines(judged),
        tables.about_hold_out(judged),
    )
    yield _pictures(result, model_file, judged)
    yield section(
        "Slices",
        tables.slices(judged),
        tables.ABOUT_SLICES,
    )
    if judged.importance:
        drawn = importance_picture(judged.metric, judged.importance)
        said = "Shuffled in the development rows, so it tells what the model uses; inputs that say the same share it."
        yield section("What it lives on", pictures([("Permutation importance", drawn, said)]))
    yield section("Inputs", tables.inputs(result))
    yield section("How it was made, and how to make it again", tables.making(model_file, facts, judged))


def _pictures(result: TrainingResult, model_file: ModelFile, judged: Judged) -> str:
    target = result.rows.target[result.hold_out]
    if judged.task == "regression":
        return section("Errors", pictures(_of_regression(result, model_file, target)))
    drawn = pictures(_of_classification(result, model_file, judged, target))
    reason = threshold_reason(model_file.threshold)
    shown = pictures([("Threshold trade-off", _threshold(result, model_file), "Out of fold, on the development rows.")])
    decisions = shown.removesuffix("</div>") + tables.confusion(model_file, judged) + "</div>"
    return section("Decisions", decisions, reason) + section("Probabilities", drawn)


def _of_regression(result: TrainingResult, model_file: ModelFile, target: Array) -> Iterator[tuple[str, str, str]]:
    scores, seed = result.hold_out_scores[result.chosen], model_file.validation.seed
    sample = "At most 800 rows are drawn."
    yield "Predicted against true", predicted_picture(target, scores, seed), f"Dotted: right. {sample}"
    yield "Residuals", residuals_picture(target, scores, seed), f"A median off zero is a bias at that size. {sample}"
    yield "Spread of residuals", residual_spread_picture(target, scores), "The outermost 0.4 % are left out."


def _of_classification(
    result: TrainingResult, model_file: ModelFile, judged: Judged, target: Array
) -> Iterator[tuple[str, str, str]]:
    scores = result.hold_out_scores[result.chosen]
    shown = _chosen_and_baselines(result)
    if len(np.unique(target)) == 2:
        yield from _of_ranking(target, scores, shown)
    bars = "bars are 95 % intervals" + ("" if judged.hold_out_clusters is None else ", as if rows stood for themselves")
    error = f"Expected calibration error {judged.calibration_error:.3f}; {bars}; dotted: perfect."
    yield "Calibration", reliability_picture(judged.reliability), error


def _of_ranking(target: Array, scores: Array, shown: Mapping[str, Array]) -> Iterator[tuple[str, str, str]]:
    yield "ROC", roc_picture(target, shown), f"{label('roc_auc')} in brackets; dotted: chance."
    yield (
        "Precision and recall",
        precision_recall_picture(target, shown),
        "Average precision in brackets; dotted: chance.",
    )
    yield "Gain and lift", lift_picture(target, scores), "Marks at 10, 20 and 50 % of the rows; dotted: chance."


def _chosen_and_baselines(result: TrainingResult) -> Mapping[str, Array]:
    names = [result.chosen, *(name for name in result.hold_out_scores if name != result.chosen)]
    return {name: result.hold_out_scores[name] for name in names[: len(SERIES)]}


def _threshold(result: TrainingResult, model_file: ModelFile) -> str:
    scores = out_of_fold_scores(result)
    known = np.isfinite(scores)
    target = result.rows.target[result.development]
    cost = model_file.threshold.cost
    costs = {str(name): value for name, value in cost.items()} if cost else None
    return threshold_picture(target[known], scores[known], 0.5 if result.threshold is None else result.threshold, costs)
