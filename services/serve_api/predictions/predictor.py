"""Answers predictions: validated, scored by the champion or the canary, recorded, and only then answered."""

import asyncio
import logging
import math
import time
from dataclasses import dataclass

from headrace.clock import Clock
from headrace.models.deployments import Deployment
from headrace.models.records import Prediction, Role
from headrace.models.row_model import Row, RowRefused
from headrace.models.shares import share_of
from serve_api.places import Places
from serve_api.predictions.answered import Answered
from serve_api.predictions.asked import Asked, PredictQuery, read_asked
from serve_api.predictions.deployments import Deployments
from serve_api.predictions.metrics import PredictionMetrics
from serve_api.predictions.micro_batches import Scored, Unscored
from serve_api.predictions.prediction_ids import new_id
from serve_api.predictions.recorder import Recorder
from serve_api.predictions.served_version import ServedVersion
from serve_api.problems import Fault, Problem, invalid

MAX_SHADOWS = 256
"""Requests whose rows wait to be scored by a shadow; more are left out and counted."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Part:
    """The rows of a request that one version answers; `at` are their places."""

    role: Role
    version: ServedVersion
    at: list[int]
    rows: list[Row]


class Predictor:
    """The predictions of a process.

    Args:
        max_open: requests that are answered at once; more get 503.
    """

    def __init__(
        self,
        deployments: Deployments,
        recorder: Recorder,
        metrics: PredictionMetrics,
        clock: Clock,
        max_open: int,
    ) -> None:
        self._deployments = deployments
        self._recorder = recorder
        self._metrics = metrics
        self._clock = clock
        self.places = Places(max_open, "predictions are being made")
        self._shadows: set[asyncio.Task[None]] = set()

    async def answer(self, site: str, name: str, body: bytes, options: PredictQuery) -> tuple[list[Answered], bool]:
        """The predictions of a body's rows, and whether it asked for many.

        Raises:
            Problem: the model is unknown or not loaded, a row doesn't fit, or Kafka did not confirm.
        """
        deployment = self._deployments.find_loaded(name)
        began = time.perf_counter()
        asked = read_asked(body, deployment.champion.rows, options, self._new_id)
        validated = time.perf_counter()
        answered = await self._score(site, deployment, asked, options.reasons)
        scored = time.perf_counter()
        await self._recorder.predictions([one.made for one in answered])
        recorded = time.perf_counter()
        self._metrics.time("validate", validated - began)
        self._metrics.time("score", scored - validated)
        self._metrics.time("record", recorded - scored)
        for one in answered:
            self._metrics.count(one.made.model, one.made.role, one.made.score, one.made.decision)
        self._count_unseen(deployment, asked)
        self._begin_shadow(site, deployment, asked)
        return answered, asked.is_many

    def _count_unseen(self, deployment: Deployment[ServedVersion], asked: Asked) -> None:
        """By the champion's levels, whoever answered: another version's are no measure of what clients send."""
        rows = deployment.champion.rows
        for row in asked.rows:
            for unseen in rows.unseen(row):
                self._metrics.count_unseen(deployment.promotion.name, unseen)

    def _new_id(self) -> str:
        return new_id(self._clock)

    async def _score(
        self, site: str, deployment: Deployment[ServedVersion], asked: Asked, reasons: int
    ) -> list[Answered]:
        found: dict[int, Answered] = {}
        for part in self._parts(deployment, asked):
            try:
                answered = await self._score_part(site, deployment, asked, part, reasons)
            except Exception:
                if part.role == "champion":
                    raise
                answered = await self._champion_instead(site, deployment, asked, part, reasons)
            found.update(zip(part.at, answered, strict=True))
        return [found[at] for at in range(len(asked.rows))]

    async def _champion_instead(
        self, site: str, deployment: Deployment[ServedVersion], asked: Asked, part: _Part, reasons: int
    ) -> list[Answered]:
        name = deployment.promotion.name
        _logger.exception("the canary failed; the champion answers", extra={"model": name})
        self._metrics.count_trial_failure(name, part.role, "score", len(part.at))
        rows = [asked.rows[at] for at in part.at]
        instead = _Part("champion", deployment.champion, part.at, rows)
        return await self._score_part(site, deployment, asked, instead, reasons)

    def _parts(self, deployment: Deployment[ServedVersion], asked: Asked) -> list[_Part]:
        champion, canary = deployment.champion, deployment.versions.get("canary")
        everything = list(range(len(asked.rows)))
        if canary is None:
            return [_Part("champion", champion, everything, asked.rows)]
        name, share = deployment.promotion.name, deployment.promotion.canary_share
        tried = {at: asked.rows[at] for at in everything if share_of(name, asked.ids[at]) < share}
        fitting = self._fitting(deployment, "canary", tried)
        rest = [at for at in everything if at not in fitting]
        parts = [_Part("champion", champion, rest, [asked.rows[at] for at in rest])] if rest else []
        return [*parts, _Part("canary", canary, list(fitting), list(fitting.values()))] if fitting else parts

    def _fitting(self, deployment: Deployment[ServedVersion], role: Role, rows: dict[int, Row]) -> dict[int, Row]:
        """Those rows that a version on trial takes too; the champion's inputs are what clients are held to.

        A trial may have fewer inputs, and more of them where these may be missing.
        """
        version = deployment.versions[role]
        if version.takes_rows_of(deployment.champion):
            return rows
        found = {}
        for at, row in rows.items():
            try:
                found[at] = version.rows.pick(deployment.champion.rows.recorded(row))
            except RowRefused:
                self._metrics.count_trial_failure(deployment.promotion.name, role, "invalid_row", 1)
        return found

    async def _score_part(
        self, site: str, deployment: Deployment[ServedVersion], asked: Asked, part: _Part, reasons: int
    ) -> list[Answered]:
        scored = await self._scores(asked, part)
        why = await part.version.reasons(part.rows, reasons) if reasons else [None] * len(part.rows)
        name, now = deployment.promotion.name, self._clock.now_us()
        made = []
        for at, row, (score, decision), reason in zip(part.at, part.rows, scored, why, strict=True):
            if not math.isfinite(score):
                raise invalid(_out_of_proportion(asked.name_of(at), "the model has no finite score for it"))
            prediction = Prediction(
                id=asked.ids[at],
                site=site,
                model=name,
                version=part.version.number,
                role=part.role,
                made=now,
                features=part.version.rows.recorded(row),
                score=score,
                decision=decision,
                threshold=part.version.manifest.threshold,
                subject=asked.subjects[at],
            )
            made.append(Answered(prediction, reason))
        return made

    async def _scores(self, asked: Asked, part: _Part) -> Scored:
        try:
            return await part.version.score(part.rows)
        except Unscored as error:
            name, version = part.version.manifest.name, part.version.number
            row = asked.name_of(part.at[error.at])
            about = {"model": name, "version": version, "problem": str(error.__cause__)}
            if isinstance(error.__cause__, (ValueError, ArithmeticError)):
                _logger.warning("a row can't be scored", extra=about)
                raise invalid(_out_of_proportion(row, f"the model can't score it: {error.__cause__}")) from error
            _logger.error("the model fails at a row", extra=about, exc_info=error.__cause__)
            detail = (
                f"{row}: version {version} of {name} fails to score it; this is a fault of the model, and is in the log"
            )
            raise Problem(500, "unscored", "The model failed", detail) from error

    def _begin_shadow(self, site: str, deployment: Deployment[ServedVersion], asked: Asked) -> None:
        if "shadow" not in deployment.versions:
            return
        if len(self._shadows) >= MAX_SHADOWS:
            self._metrics.count_trial_failure(deployment.promotion.name, "shadow", "busy", len(asked.rows))
            return
        task = asyncio.get_running_loop().create_task(self._shadow(site, deployment, asked))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    async def _shadow(self, site: str, deployment: Deployment[ServedVersion], asked: Asked) -> None:
        """Scored and recorded beside what was answered, under the same ids; no error of it reaches anybody."""
        name = deployment.promotion.name
        rows = self._fitting(deployment, "shadow", dict(enumerate(asked.rows)))
        if not rows:
            return
        part = _Part("shadow", deployment.versions["shadow"], list(rows), list(rows.values()))
        stage = "score"
        try:
            answered = await self._score_part(site, deployment, asked, part, 0)
            stage = "record"
            await self._recorder.predictions([one.made for one in answered])
        except Problem:
            self._metrics.count_trial_failure(name, "shadow", stage, len(rows))
        except Exception:
            _logger.exception("the shadow failed", extra={"model": name})
            self._metrics.count_trial_failure(name, "shadow", stage, len(rows))
        else:
            for one in answered:
                self._metrics.count(name, "shadow", one.made.score, one.made.decision)


def _out_of_proportion(row: str, problem: str) -> Fault:
    return Fault(row, problem, "look for a number out of all proportion")
