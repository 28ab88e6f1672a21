"""A picture of how the losses of versions add up beside those of a forecast without a model."""

from datetime import UTC, datetime

import numpy as np
from matplotlib.axes import Axes

from headrace.models.online import OnlineModel
from headrace.plot_style import SERIES, SOFT, legend, thousands, time_axis
from train_models.judging.plot_style import picture
from train_models.online.block_losses import BlockLosses
from train_models.online.online_gates import base_name, metric_of

_FEWEST_BLOCKS = 2
_UNITS = {
    "mae": "absolute error, scaled",
    "rmse": "squared error, scaled",
    "log_loss": "log loss",
    "brier": "squared error",
}


def loss_picture(model: OnlineModel, blocks: BlockLosses) -> str:
    """Cumulative loss over the periods that all versions predicted; empty where that is less than two blocks."""
    if len(blocks) < _FEWEST_BLOCKS:
        return ""
    times = [datetime.fromtimestamp(at, UTC) for at in blocks.starts]

    def draw(axes: Axes) -> None:
        axes.plot(times, np.cumsum(blocks.base), color=SOFT, linestyle=":", label=base_name(model))  # type: ignore[arg-type]  # of dates
        for colour, (version, losses) in zip(SERIES, blocks.of.items(), strict=False):
            axes.plot(times, np.cumsum(losses), color=colour, label=f"version {version}")  # type: ignore[arg-type]  # of dates
        time_axis(axes.xaxis)
        axes.set_ylabel(f"cumulative {_UNITS[metric_of(model)]}")
        thousands(axes.yaxis)
        legend(axes)

    return picture("Cumulative loss of each version and of a forecast without a model", draw, width=7.5)
