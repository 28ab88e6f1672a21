"""Whether a version of an online model may become the champion: pure rules on losses of the same periods."""

from collections.abc import Iterator

import numpy as np

from headrace.models.online import OnlineModel
from train_models.judging.slices import FEWEST_OF_A_CLASS, FEWEST_ROWS
from train_models.judging.wording import label
from train_models.online.block_losses import Array, BlockLosses, block_bootstrap
from train_models.registry.gates import Gate, Verdict

FEWEST_BLOCKS = 14
"""Blocks of a season, such as two weeks of days: percentiles of a bootstrap over fewer are too narrow."""
_SCALED = {"mae": "MASE", "rmse": "RMSSE"}


def metric_of(model: OnlineModel) -> str:
    """By which versions are compared."""
    return model.metric or ("mae" if model.predicts == "mean" else "log_loss")


def loss_of(metric: str) -> str:
    """The loss whose mean, or root of it, the metric is."""
    return "first" if metric in ("mae", "log_loss") else "squared"


def is_root(metric: str) -> bool:
    """Whether the metric is the root of a mean loss."""
    return metric == "rmse"


def metric_label(metric: str) -> str:
    """As the field writes it; errors of series in different units are scaled."""
    return _SCALED.get(metric, label(metric))


def base_name(model: OnlineModel) -> str:
    """The forecast without a model."""
    return "the last value" if model.predicts == "mean" else "the share so far"


def online_verdict(model: OnlineModel, blocks: BlockLosses, version: int, champion: int | None) -> Verdict:
    """What the gates say of a version.

    Args:
        blocks: of the model's metric, of both versions.
        champion: the version to beat; None where none stands besides it, which then has to beat the forecast without a
            model.
    """
    other = base_name(model) if champion is None else f"version {champion}"
    if problem := _too_little(model, blocks):
        return Verdict((Gate(f"better than {other}", False, problem),))
    return Verdict(tuple(_gates(model, blocks, version, champion)))


def _gates(model: OnlineModel, blocks: BlockLosses, version: int, champion: int | None) -> Iterator[Gate]:
    own = blocks.of[version]
    if champion is None:
        yield _gate(model, blocks, own, blocks.base, base_name(model), decides=True)
        return
    yield _gate(model, blocks, own, blocks.of[champion], f"version {champion}", decides=True)
    yield _gate(model, blocks, own, blocks.base, base_name(model), decides=False)


def _gate(model: OnlineModel, blocks: BlockLosses, own: Array, other: Array, name: str, *, decides: bool) -> Gate:
    metric = metric_of(model)
    test = block_bootstrap(blocks, own, other, is_root(metric))
    before, after = blocks.mean(other, is_root(metric)), blocks.mean(own, is_root(metric))
    interval = f"{test.difference:+.4f} [{test.low:+.4f}, {test.high:+.4f}], p = {test.p_value:.3g}"
    detail = (
        f"{metric_label(metric)} {after:.4f} against {before:.4f} on {blocks.count:,} periods in {len(blocks)} blocks: "
        f"{interval}"
    )
    return Gate(f"better than {name}", test.is_better(model.alpha) if decides else None, detail)


def _too_little(model: OnlineModel, blocks: BlockLosses) -> str:
    found = f"{blocks.count:,} periods that are judged and shared, in {len(blocks)} blocks of {model.season} periods"
    if blocks.count < FEWEST_ROWS or len(blocks) < FEWEST_BLOCKS:
        return f"{found}; {FEWEST_ROWS} in {FEWEST_BLOCKS} blocks are needed"
    rarer = int(min(np.sum(blocks.labels), blocks.count - np.sum(blocks.labels)))
    if model.predicts == "unusual" and rarer < FEWEST_OF_A_CLASS:
        return f"{rarer} unusual periods among {found}; {FEWEST_OF_A_CLASS} are needed"
    return ""
