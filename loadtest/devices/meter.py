"""A virtual water meter: replays the real flow, and goes wrong as its plan says. Pure: no clock, no network."""

import random
from dataclasses import dataclass

import msgspec

from loadtest.devices.faults import Fault, FaultPlan, Planned
from loadtest.history import Sent, Value

_MALFORMED = (
    ("malformed_json", lambda body: body[: len(body) // 2]),
    ("malformed_json", lambda body: body.replace(b'"flow":', b'"flow":,"x":')),
    ("invalid_utf8", lambda body: body.replace(b'"flow"', b'"fl\xff\xfew"')),
    ("empty_body", lambda body: b""),
)


@dataclass(frozen=True)
class Outgoing:
    """A body to publish for a device, and what the history says of it."""

    body: bytes
    sent: Sent


class Meter:
    """One meter of the fleet.

    Replays `series` from a place and on a scale of its own. `first_number` and `stride` give its messages numbers that
    no other meter has.
    """

    def __init__(
        self, device: str, series: tuple[float, ...], plan: FaultPlan, first_number: int, stride: int, step_s: float
    ) -> None:
        own = random.Random(device)
        self.device = device
        self._series = series
        self._place = own.randrange(len(series))
        self._scale = own.uniform(0.2, 1.5)
        self._plan = plan
        self._number = first_number
        self._stride = stride
        self._step_s = step_s
        self._volume = 0.0
        self._seq = 0
        self._last_flow = 0.0
        self._waiting: list[tuple[int, Outgoing]] = []

    def step(self, now_us: int) -> list[Outgoing]:
        """What the meter publishes now: usually one message; none in a gap, more where it repeats or catches up."""
        planned = self._plan.next()
        outgoing = self._read(planned, now_us)
        due = [held for at, held in self._waiting if at <= self._seq]
        self._waiting = [(at, held) for at, held in self._waiting if at > self._seq]
        if planned.fault is Fault.LATE:
            self._waiting.append((self._seq + planned.late_steps, outgoing))
            return due
        if planned.fault is Fault.GAP:
            return due
        return [*due, outgoing, outgoing] if planned.fault is Fault.DUPLICATE else [*due, outgoing]

    def _read(self, planned: Planned, now_us: int) -> Outgoing:
        flow = self._flow(planned.fault)
        self._volume += flow * self._step_s / 1_000
        self._seq += 1
        self._number += self._stride
        time_ms = now_us // 1_000 + planned.clock_ahead_s * 1_000
        values: dict[str, Value] = {"flow": flow, "volume": round(self._volume, 3)}
        body = msgspec.json.encode({"ts": time_ms, "seq": self._seq, "values": values})
        bad = ""
        if planned.fault is Fault.MALFORMED:
            bad, spoil = _MALFORMED[planned.variant % len(_MALFORMED)]
            body, values = spoil(body), {}
        sent = Sent(self._number, self.device, time_ms * 1_000, values, str(self._seq), planned.fault or "", bad)
        return Outgoing(body, sent)

    def _flow(self, fault: Fault | None) -> float:
        self._place = (self._place + 1) % len(self._series)
        flow = round(self._series[self._place] * self._scale, 2)
        if fault is Fault.SPIKE:
            return self._plan.spiked(flow)
        if fault is Fault.BIT_DROP:
            return self._plan.with_bit_dropped(flow)
        if fault is Fault.STUCK:
            return self._last_flow
        self._last_flow = flow
        return flow
