"""One metric of one device under a family of models: predict a period when it opens, learn when it closes."""

from collections.abc import Iterator
from typing import NamedTuple, Self

from headrace.models.online import OnlineModel, Variant
from process_predictions.online.blocks import pack_blocks, unpack_blocks
from process_predictions.online.family import Family
from process_predictions.online.figures import Loss, loss_of_mean, loss_of_probability
from process_predictions.online.history import LIMIT, History
from process_predictions.online.learner import Learner
from process_predictions.online.spread import Spread


class Predicted(NamedTuple):
    """What a variant says of a period that is to come, and of which features."""

    model: OnlineModel
    variant: Variant
    score: float
    features: dict[str, float]


class Judged(NamedTuple):
    """What came of it: the period's mean, or whether it was unusual.

    `unit` is the series' usual change where the loss is in the metric's unit, and 1 where it is a probability's.
    """

    model: OnlineModel
    variant: Variant
    score: float
    label: float | bool
    loss: Loss
    unit: float


class _Unusual:
    """A model of `unusual` on one series."""

    __slots__ = ("about", "learners", "model", "signature", "spread")

    def __init__(self, family: Family, about: str, model: OnlineModel) -> None:
        self.about = about
        self.model = model
        self.spread = Spread(family.forecast.season, model.share)
        self.signature = _joined(family, model.spread_signature())
        self.learners = _learners(family, model)

    def probability(self, learner: Learner, ratios: dict[str, float]) -> float:
        """That a period is unusual; the share of late where the learner has none."""
        return learner.predict(ratios, self.spread.base)


class Series:
    """What a family knows of one metric of one device.

    Nothing of an open prediction is kept: until its period closes nothing changes that it was made from, so that it is
    made again then, equal to the bit.
    """

    def __init__(self, family: Family) -> None:
        self._family = family
        self.history = History(family.forecast.season, family.forecast.period_s)
        self._learners = _learners(family, family.forecast)
        self._unusual = [_Unusual(family, about, model) for about, model in family.about]

    def learners(self) -> Iterator[Learner]:
        """Every variant of every model."""
        yield from self._learners
        for unusual in self._unusual:
            yield from unusual.learners

    def predict(self, number: int) -> list[Predicted]:
        """What all variants say of a period after the last that closed; nothing before the first."""
        if self.history.is_empty:
            return []
        known = self.history.features(number)
        predicted = [
            Predicted(self._family.forecast, learner.variant, self._mean(learner, known), learner.features(known))
            for learner in self._learners
        ]
        for unusual in self._unusual:
            if unusual.spread.is_warm:
                ratios = unusual.spread.features(self.history.slot(number))
                predicted += [
                    Predicted(
                        unusual.model, learner.variant, unusual.probability(learner, ratios), learner.features(ratios)
                    )
                    for learner in unusual.learners
                ]
                self._note(unusual.learners, number)
        self._note(self._learners, number)
        return predicted

    def close(self, number: int, value: float) -> list[Judged]:
        """Takes a period's value: judges what was predicted of it, then learns from it."""
        judged: list[Judged] = []
        if not self.history.is_empty:
            known = self.history.features(number)
            means = {learner.variant.name: self._mean(learner, known) for learner in self._learners}
            for unusual in self._unusual:
                judged += self._close_unusual(unusual, number, abs(value - means[unusual.about]))
            judged += self._close_means(known, means, number, value)
        self.history.take(number, value)
        return judged

    def pack(self) -> bytes:
        """About 2 kB with two models of two variants."""
        blocks = {self._family.forecast.history_signature(): self.history.pack()}
        blocks |= {unusual.signature: unusual.spread.pack() for unusual in self._unusual}
        return pack_blocks(blocks | {learner.signature: learner.pack() for learner in self.learners()})

    @classmethod
    def unpack(cls, family: Family, content: bytes) -> Self:
        """Takes what `pack` gave; what is of a model or variant that changed begins anew.

        Raises:
            ValueError: it is damaged.
        """
        series = cls(family)
        blocks = unpack_blocks(content)
        history = blocks.get(family.forecast.history_signature())
        if history is None:
            return series
        series.history.restore(history)
        for unusual in series._unusual:
            if (spread := blocks.get(unusual.signature)) is not None:
                unusual.spread.restore(spread)
        for learner in series.learners():
            if (learned := blocks.get(learner.signature)) is not None:
                learner.restore(learned)
        return series

    def _mean(self, learner: Learner, known: dict[str, float]) -> float:
        last = self.history.last
        mean = last + learner.predict(known, 0.0) * self.history.scale
        if -LIMIT <= mean <= LIMIT:
            return mean
        learner.forget()
        return last

    def _close_means(
        self, known: dict[str, float], means: dict[str, float], number: int, value: float
    ) -> Iterator[Judged]:
        last, scale = self.history.last, self.history.scale
        for learner in self._learners:
            mean = means[learner.variant.name]
            if learner.predicted_for == number:
                loss = loss_of_mean(mean, last, value)
                learner.judge(loss, mean, value)
                yield Judged(self._family.forecast, learner.variant, mean, value, loss, scale)
            if self.history.knows_scale:
                learner.learn(known, (value - last) / scale)

    def _close_unusual(self, unusual: _Unusual, number: int, off: float) -> Iterator[Judged]:
        spread, slot, error = unusual.spread, self.history.slot(number), off / self.history.scale
        came = spread.is_unusual(error)
        if spread.is_warm:
            ratios = spread.features(slot)
            for learner in unusual.learners:
                probability = unusual.probability(learner, ratios)
                if learner.predicted_for == number:
                    loss = loss_of_probability(probability, spread.base, came)
                    learner.judge(loss, probability, came)
                    yield Judged(unusual.model, learner.variant, probability, came, loss, 1.0)
                learner.learn(ratios, came)
        if self.history.knows_scale:
            spread.take(slot, error)

    def _note(self, learners: list[Learner], number: int) -> None:
        for learner in learners:
            learner.predicted_for = number


def _learners(family: Family, model: OnlineModel) -> list[Learner]:
    return [Learner(model, variant, _joined(family, model.variant_signature(variant))) for variant in model.variants]


def _joined(family: Family, signature: bytes) -> bytes:
    """A signature of what also depends on the periods of the family."""
    both = zip(family.forecast.history_signature(), signature, strict=True)
    return bytes(one ^ other for one, other in both)
