"""The rules of a scored topic: rows in; predictions and dead letters out. They remember nothing between records.

The champion scores each row, or the canary where the row's id is in its share; the shadow scores it too. Which versions
these are is asked once for each batch.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from headrace.errors import TerminalError
from headrace.models.deployments import Deployment
from headrace.models.loaded_version import LoadedVersion
from headrace.models.records import MADE, Prediction, Role
from headrace.models.row_model import Row, RowRefused
from headrace.models.shares import share_of
from headrace.models.stream import Stream
from headrace.records import encode, headers_of
from headrace.streams import Batch, OutRecord
from headrace.streams.dead_letters import dead_letter
from headrace.streams.keyed_cells import KeyedCells
from process_predictions.counts import ScoringCounts
from process_predictions.scoring.scores import Scored, score_rows
from process_predictions.scoring.stream_row import StreamRow, read_row, read_values

STAGE = "process_predictions.scoring"


@dataclass
class _Part:
    """The rows that one version scores, and what it is for them."""

    role: Role
    version: LoadedVersion
    rows: list[StreamRow] = field(default_factory=list)
    values: list[Row] = field(default_factory=list)

    def add(self, row: StreamRow, values: Row) -> None:
        self.rows.append(row)
        self.values.append(values)


class ScoringRules:
    """Implements `headrace.streams.Rules`.

    Args:
        name: of the model.
        deployment: asked for what runs now; may raise `TransientError`.
        site: of the predictions.
    """

    state_schema = "scoring/1"

    def __init__(
        self,
        name: str,
        stream: Stream,
        deployment: Callable[[], Deployment[LoadedVersion]],
        site: str,
        counts: ScoringCounts | None = None,
    ) -> None:
        self.counts = counts or ScoringCounts()
        self._name = name
        self._stream = stream
        self._deployment = deployment
        self._site = site

    def new_state(self) -> KeyedCells:
        """Nothing; the changelog has the checkpoints alone."""
        return KeyedCells()

    def process(self, state: KeyedCells, batch: Batch) -> list[OutRecord]:
        """Scores the rows of a batch.

        Raises:
            TransientError: no version is loaded yet; the rows wait.
        """
        deployment = self._deployment()
        champion = deployment.champion
        out: dict[int, list[OutRecord]] = {}
        answering, shadows = self._divide(batch, deployment, out)
        for part in answering:
            self._score(part, champion, batch, out)
        for part in shadows:
            self._score(part, None, batch, out)
        return [record for place in sorted(out) for record in out[place]]

    def on_idle(self, state: KeyedCells, now_us: int) -> list[OutRecord]:
        """Nothing."""
        return []

    def _divide(
        self, batch: Batch, deployment: Deployment[LoadedVersion], out: dict[int, list[OutRecord]]
    ) -> tuple[list[_Part], list[_Part]]:
        """Who scores which rows; those that don't fit the champion go to the dead letters."""
        champion, versions = deployment.champion, deployment.versions
        by_champion = _Part("champion", champion)
        trials: dict[Role, _Part] = {
            role: _Part(role, versions[role]) for role in ("canary", "shadow") if role in versions
        }
        for place, value in enumerate(batch.values):
            if value is None:
                # A deleted row of a compacted topic.
                continue
            try:
                row = self._read(batch, place, value)
                values = read_values(champion.rows, row)
            except TerminalError as error:
                self._refuse(error, batch, place, out)
                continue
            tried = "canary" in trials and share_of(self._name, row.id) < deployment.promotion.canary_share
            if not (tried and _add_if_fits(trials["canary"], row)):
                by_champion.add(row, values)
            if "shadow" in trials:
                _add_if_fits(trials["shadow"], row)
        answering = [by_champion, *([trials["canary"]] if "canary" in trials else [])]
        return answering, [trials["shadow"]] if "shadow" in trials else []

    def _read(self, batch: Batch, place: int, value: bytes) -> StreamRow:
        position = (batch.topic, batch.partition, batch.offsets[place])
        return read_row(self._name, self._stream, place, position, value)

    def _score(
        self, part: _Part, champion: LoadedVersion | None, batch: Batch, out: dict[int, list[OutRecord]]
    ) -> None:
        """Scores a part; where the canary fails the champion scores, and where this fails the row is refused.

        Args:
            champion: None for a shadow, whose failures nobody hears of.
        """
        if not part.rows:
            return
        failed = _Part("champion", champion) if champion is not None and part.role == "canary" else None
        scores = score_rows(part.version.model, part.values)
        for row, values, scored in zip(part.rows, part.values, scores, strict=True):
            if isinstance(scored, Scored):
                record = self._prediction(part, row, values, scored, batch.timestamps[row.place])
                out.setdefault(row.place, []).append(record)
                self.counts.rows[self._name, part.role] += 1
            elif failed is not None:
                failed.add(row, read_values(failed.version.rows, row))
            elif champion is not None:
                self._refuse(scored, batch, row.place, out)
        if failed is not None:
            self._score(failed, champion, batch, out)

    def _prediction(self, part: _Part, row: StreamRow, values: Row, scored: Scored, now: int) -> OutRecord:
        record = Prediction(
            id=row.id,
            site=self._site,
            model=self._name,
            version=part.version.number,
            role=part.role,
            made=now,
            features=part.version.rows.recorded(values),
            score=scored.score,
            decision=scored.decision,
            threshold=part.version.manifest.threshold,
            subject=row.subject,
            event_time=row.event_time,
        )
        return OutRecord(MADE, record.id.encode(), encode(record), headers_of(record))

    def _refuse(self, error: TerminalError, batch: Batch, place: int, out: dict[int, list[OutRecord]]) -> None:
        self.counts.dead_letters[error.reason.value] += 1
        out.setdefault(place, []).append(dead_letter(error, batch, place, STAGE))


def _add_if_fits(part: _Part, row: StreamRow) -> bool:
    """Gives a row to a version on trial, whose inputs may be others than the champion's."""
    try:
        part.add(row, part.version.rows.pick(row.content))
    except RowRefused:
        return False
    return True
