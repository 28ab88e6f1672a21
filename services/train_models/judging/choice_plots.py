"""Pictures of the choice: candidates beside each other, what more rows bring, and what the chosen one lives on."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from headrace.plot_style import BLUE, INK, SOFT, thousands
from train_models.judging.importance import Importance
from train_models.judging.judged import JudgedCandidate
from train_models.judging.metrics import GREATER_IS_BETTER
from train_models.judging.plot_style import picture
from train_models.judging.wording import label, legible, number

_MOST_INPUTS = 20
_LONGEST_NAME = 28


def candidates_picture(metric: str, candidates: Sequence[JudgedCandidate]) -> str:
    """Each candidate's mean over the folds with its deviation; baselines are hollow."""
    known = [each for each in candidates if each.summary[metric].folds]

    def draw(axes: Axes) -> None:
        for at, each in enumerate(reversed(known)):
            found = each.summary[metric]
            colour = BLUE if each.is_chosen else SOFT
            fill = "none" if each.is_baseline else colour
            axes.errorbar(
                found.mean,
                at,
                xerr=found.deviation,
                color=colour,
                marker="o",
                markersize=7,
                capsize=4,
                linewidth=1.4,
                markerfacecolor=fill,
            )
            text = number(found.mean)
            axes.annotate(
                text, (found.mean, at), (0, 7), textcoords="offset points", ha="center", fontsize=8, color=INK
            )
        axes.set_yticks(range(len(known)), [short(each.name) for each in reversed(known)])
        axes.set_ylim(-0.6, len(known) - 0.3)
        sense = "more is better" if GREATER_IS_BETTER[metric] else "less is better"
        thousands(axes.xaxis)
        axes.set_xlabel(f"{label(metric)}, mean ± deviation over folds ({sense})")
        axes.grid(visible=False, axis="y")

    return picture("Candidates over the folds", draw, height=max(2.2, 0.9 + 0.42 * len(known)))


def learning_picture(metric: str, points: Sequence[tuple[int, float, float]]) -> str:
    """The metric's mean and deviation against the rows trained on."""
    rows, mean, spread = np.array(points, dtype=np.float64).T

    def draw(axes: Axes) -> None:
        axes.fill_between(rows, mean - spread, mean + spread, color=BLUE, alpha=0.18, linewidth=0)
        axes.plot(rows, mean, color=BLUE, marker="o", markersize=5)
        axes.set(xlabel="rows trained on", ylabel=label(metric))
        thousands(axes.xaxis, axes.yaxis)

    return picture("Learning curve", draw)


def importance_picture(metric: str, importances: Sequence[Importance]) -> str:
    """How much worse the metric gets when an input is shuffled; the 20 greatest."""
    shown = list(reversed(importances[:_MOST_INPUTS]))

    def draw(axes: Axes) -> None:
        places = range(len(shown))
        axes.barh(
            places,
            [each.mean for each in shown],
            xerr=[each.deviation for each in shown],
            color=BLUE,
            ecolor=SOFT,
            height=0.65,
        )
        axes.set_yticks(places, [short(each.input) for each in shown])
        thousands(axes.xaxis)
        how = "lost" if GREATER_IS_BETTER[metric] else "more"
        axes.set_xlabel(f"{label(metric)} {how} when shuffled")
        axes.grid(visible=False, axis="y")

    return picture("Importance of inputs", draw, height=max(2.0, 0.8 + 0.26 * len(shown)))


def short(name: str) -> str:
    """A name as there is room for it."""
    name = legible(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
