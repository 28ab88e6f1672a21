"""The fleet replays the real series, goes wrong as planned, and its history says what it sent."""

from __future__ import annotations

import json
from collections import Counter

from loadtest.devices.faults import Fault
from loadtest.devices.fleet import make_fleet
from loadtest.devices.meter import Outgoing
from loadtest.devices.waterflow import water_flow

START = 1_700_000_000_000_000


def run_fleet(seed: int, share: float, steps: int = 600) -> list[Outgoing]:
    meters = make_fleet(4, seed, share)
    return [out for step in range(steps) for meter in meters for out in meter.step(START + step * 1_000_000)]


def of_fault(outgoing: list[Outgoing], fault: Fault) -> list[Outgoing]:
    return [out for out in outgoing if out.sent.fault == fault]


def test_series_is_the_real_one_and_needs_no_network() -> None:
    assert len(water_flow()) == 1_268
    assert water_flow()[:3] == (100.59, 100.89, 100.88)


def test_without_faults_every_step_is_one_message_of_the_series() -> None:
    outgoing = run_fleet(1, 0.0)
    assert len(outgoing) == 2_400
    assert not {out.sent.fault for out in outgoing} - {""}
    flows = [float(out.sent.values["flow"]) for out in outgoing if out.sent.device == "meter-002"]
    assert any(is_replay(flows, water_flow()[place:] + water_flow()[:place]) for place in range(len(water_flow())))


def is_replay(flows: list[float], series: tuple[float, ...]) -> bool:
    """Whether the flows are the series on another scale, rounded to hundredths."""
    scale = sum(flows) / sum(series[: len(flows)])
    return all(abs(flow - scale * value) < 0.02 for flow, value in zip(flows, series, strict=False))


def test_same_seed_gives_the_same_faults_and_another_seed_others() -> None:
    assert run_fleet(7, 0.1) == run_fleet(7, 0.1)
    assert run_fleet(7, 0.1) != run_fleet(8, 0.1)


def test_history_says_what_the_body_says() -> None:
    for out in run_fleet(3, 0.1):
        if not out.sent.bad:
            body = json.loads(out.body)
            assert body["values"] == out.sent.values
            assert (body["ts"] * 1_000, str(body["seq"])) == (out.sent.time, out.sent.identity)


def test_every_kind_of_fault_happens_and_is_logged_as_what_it_is() -> None:
    outgoing = run_fleet(3, 0.1)
    kinds = Counter(out.sent.fault for out in outgoing)
    assert set(kinds) == {"", *Fault} - {Fault.GAP}
    assert all(out.sent.bad and not out.sent.values for out in of_fault(outgoing, Fault.MALFORMED))
    assert all(out.sent.time > START + 700 * 1_000_000 for out in of_fault(outgoing, Fault.FUTURE_CLOCK)[-1:])
    duplicates = Counter(out.sent.number for out in of_fault(outgoing, Fault.DUPLICATE))
    assert set(duplicates.values()) == {2}


def test_late_messages_come_after_younger_ones_and_numbers_are_never_reused() -> None:
    outgoing = [out for out in run_fleet(5, 0.1) if out.sent.device == "meter-001"]
    late = of_fault(outgoing, Fault.LATE)
    assert late
    for out in late:
        before = outgoing[: outgoing.index(out)]
        assert max(other.sent.number for other in before) > out.sent.number
    first_of_each = {out.sent.number: out for out in outgoing}
    assert all(out == first_of_each[out.sent.number] for out in outgoing)


def test_stuck_values_do_not_move() -> None:
    outgoing = [out for out in run_fleet(5, 0.1) if out.sent.device == "meter-003"]
    stuck = of_fault(outgoing, Fault.STUCK)
    first = outgoing[outgoing.index(stuck[0]) :]
    run = first[: next(index for index, out in enumerate(first) if out.sent.fault != Fault.STUCK)]
    assert len(run) >= 15
    assert len({out.sent.values["flow"] for out in run}) == 1


def test_a_gap_leaves_numbers_out() -> None:
    numbers = {out.sent.number for out in run_fleet(5, 0.1)}
    assert len(numbers) < 2_400
