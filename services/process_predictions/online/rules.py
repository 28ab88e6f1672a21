"""The rules of online models: windows in; predictions, outcomes and dead letters out.

Only final windows are taken: each comes once, in the order of its series, and never changes, so that a period is the
same in every recomputation. It closes when the first final window of a later period comes, in other words once the
device's watermark has passed its end by the allowed lateness; the period that this window opens is then predicted.
"""

from collections.abc import Callable, Sequence

from headrace.errors import TerminalError
from headrace.models.records import MADE, OUTCOMES, Outcome, Prediction, Role
from headrace.records import Record, Window, decode, encode, headers_of, record_key
from headrace.streams import Batch, OutRecord
from headrace.streams.dead_letters import dead_letter
from headrace.streams.keyed_cells import KeyedCells
from process_predictions.counts import OnlineCounts
from process_predictions.ids import id_of
from process_predictions.online.family import Family
from process_predictions.online.history import LIMIT
from process_predictions.online.periods import OpenPeriod
from process_predictions.online.series import Judged, Predicted, Series

STAGE = "process_predictions.online"
RoleOf = Callable[[str, int], Role]
FORGET_AFTER_S = 30 * 86_400.0
_SWEEP_EVERY_US = 86_400_000_000
_SWEEP_KEY = b"s"
_OPEN, _MODELS = b"o", b"m"


class OnlineRules:
    """Implements `headrace.streams.Rules`; one object serves all partitions of a process.

    Args:
        families: of models.
        role_of: what a model's version is at this moment. It is all that a recomputation may give differently.
        forget_after_s: seconds of append time without a window after which a series is dropped.
    """

    state_schema = "online/1"

    def __init__(
        self,
        families: Sequence[Family],
        role_of: RoleOf,
        counts: OnlineCounts | None = None,
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        self.counts = counts or OnlineCounts()
        self._families = tuple(families)
        self._role_of = role_of
        self._forget_after = round(forget_after_s * 1e6)

    def new_state(self) -> KeyedCells:
        """State of a partition of which nothing is known."""
        return KeyedCells()

    def process(self, state: KeyedCells, batch: Batch) -> list[OutRecord]:
        """Takes a batch into the state and returns what follows, in order."""
        out: list[OutRecord] = []
        for at, now in enumerate(batch.timestamps):
            if now >= int(state.get(_SWEEP_KEY) or 0):
                self._sweep(state, now)
            try:
                record = decode(batch.values[at], batch.headers[at])
            except TerminalError as error:
                self.counts.dead_letters[error.reason.value] += 1
                out.append(dead_letter(error, batch, at, STAGE))
                continue
            if isinstance(record, Window) and record.final:
                if _is_usable(record):
                    self._take(state, record, now, out)
                else:
                    self.counts.out_of_range += 1
        return out

    def on_idle(self, state: KeyedCells, now_us: int) -> list[OutRecord]:
        """Nothing: only windows close a period."""
        return []

    def _take(self, state: KeyedCells, window: Window, now: int, out: list[OutRecord]) -> None:
        for family in self._families:
            if window.width == family.window_us:
                key = b"%s\0%s\0%s" % (
                    family.forecast.name.encode(),
                    record_key(window.site, window.device),
                    window.metric.encode(),
                )
                self._take_into(family, state, key, window, now, out)

    def _take_into(
        self, family: Family, state: KeyedCells, key: bytes, window: Window, now: int, out: list[OutRecord]
    ) -> None:
        content = state.get(_OPEN + key)
        number = window.start // family.period_us
        period = OpenPeriod(number) if content is None else OpenPeriod.unpack(content)
        if window.start <= period.last_start:
            self.counts.passed_over += 1
            return
        self.counts.windows += 1
        if content is not None and number != period.number:
            self._turn(family, state, key, period, window, now, out)
            period = OpenPeriod(number)
        period.add(window, now)
        state.put(_OPEN + key, period.pack())

    def _turn(
        self,
        family: Family,
        state: KeyedCells,
        key: bytes,
        period: OpenPeriod,
        window: Window,
        now: int,
        out: list[OutRecord],
    ) -> None:
        """Closes a period, and predicts the one that a window opens."""
        content = state.get(_MODELS + key)
        series = Series(family) if content is None else Series.unpack(family, content)
        subject = (window.site, window.device, window.metric)
        for judged in series.close(period.number, period.mean):
            self.counts.note(judged)
            out.append(_outcome(judged, subject, period.number * family.period_us, now))
        number = window.start // family.period_us
        for predicted in series.predict(number):
            role = self._role_of(predicted.model.name, predicted.variant.version)
            out.append(_prediction(predicted, subject, number * family.period_us, family.period_us, role, now))
        self.counts.periods += 1
        state.put(_MODELS + key, series.pack())

    def _sweep(self, state: KeyedCells, now: int) -> None:
        oldest = now - self._forget_after
        silent = [
            key
            for key, content in state.items()
            if key.startswith(_OPEN) and OpenPeriod.unpack(content).last_append < oldest
        ]
        for key in silent:
            state.delete(key)
            state.delete(_MODELS + key.removeprefix(_OPEN))
        state.put(_SWEEP_KEY, b"%d" % (now + _SWEEP_EVERY_US))


def _is_usable(window: Window) -> bool:
    """Whether its numbers can be reckoned with: a device's broken driver gives others."""
    return window.count > 0 and all(abs(value) <= LIMIT for value in (window.mean, window.min, window.max))


Subject = tuple[str, str, str]
"""Site, device and metric."""


def online_id(model: str, version: int, subject: Subject, start: int) -> str:
    """The id of a version's prediction of the period that starts then, microseconds."""
    return id_of(model, version, *subject, start)


def _prediction(predicted: Predicted, subject: Subject, start: int, period_us: int, role: Role, now: int) -> OutRecord:
    model, version = predicted.model.name, predicted.variant.version
    record = Prediction(
        id=online_id(model, version, subject, start),
        site=subject[0],
        model=model,
        version=version,
        role=role,
        made=now,
        features=dict(predicted.features),
        score=predicted.score,
        subject="/".join(subject),
        event_time=start,
        due=start + period_us,
    )
    return _record(MADE, record.id, record)


def _outcome(judged: Judged, subject: Subject, start: int, now: int) -> OutRecord:
    model = judged.model.name
    one = online_id(model, judged.variant.version, subject, start)
    return _record(OUTCOMES, one, Outcome(id=one, site=subject[0], model=model, label=judged.label, observed=now))


def _record(topic: str, key: str, record: Record) -> OutRecord:
    return OutRecord(topic, key.encode(), encode(record), headers_of(record))
