"""Ports are free, apart from each other, and moved by the environment."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from deploy.local.errors import StackError
from deploy.local.ports import Ports, can_bind
from deploy.local.stack import Stack


def test_free_ports_are_distinct_unused_and_outside_the_range_of_outgoing_connections() -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = dataclasses.astuple(Ports.free())
    assert len(set(ports)) == len(ports)
    assert all(can_bind(port) and port < first_outgoing for port in ports)


def test_two_callers_never_get_the_same_port() -> None:
    given = [port for _ in range(30) for port in dataclasses.astuple(Ports.free())]
    assert len(set(given)) == len(given)


def test_the_environment_moves_one_port_and_leaves_the_others() -> None:
    assert Ports.from_environment({"HEADRACE_PORT_KAFKA": "19092"}) == dataclasses.replace(
        Ports.defaults(), kafka=19092
    )


@pytest.mark.parametrize("value", ["abc", "0", "65536", "-1"])
def test_a_value_that_is_no_port_is_refused_by_name(value: str) -> None:
    with pytest.raises(ValueError, match=r"HEADRACE_PORT_MQTT=.* is not a port number"):
        Ports.from_environment({"HEADRACE_PORT_MQTT": value})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])  # noqa: S104 - must be refused
def test_an_address_that_strangers_can_reach_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(StackError, match="no credentials"):
        Stack(tmp_path, Ports.defaults(), host=host)
