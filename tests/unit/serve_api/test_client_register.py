"""Who is let in, by which key, how often, from which pages; and a file that changes."""

import hashlib
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from headrace.errors import ConfigurationError
from headrace.testing import FakeClock
from serve_api.clients.client import LOCAL
from serve_api.clients.metrics import ClientMetrics
from serve_api.clients.rate_limit import network_of
from serve_api.clients.register import ClientRegister
from serve_api.clients.scopes import Scope
from serve_api.problems import Problem
from tests.api_clients import entry, new_key, request, write_clients

KEY, OTHER = new_key(), new_key()
ORIGIN = "https://shop.example"


class Door:
    """A register, its clock and what it counts."""

    def __init__(self, path: Path | None) -> None:
        self.clock = FakeClock()
        self.counted = CollectorRegistry()
        self.register = ClientRegister(path, self.clock, ClientMetrics(self.counted))

    def name(self, key: str | None = KEY, address: str = "192.0.2.1", **headers: str) -> str:
        """The client that a request is of."""
        sent = {"x-api-key": key} if key else {}
        return self.register.admit(request({**sent, **headers}, address=address)).name

    def refused(self, key: str | None = KEY, address: str = "192.0.2.1", **headers: str) -> Problem:
        with pytest.raises(Problem) as refused:
            self.name(key, address, **headers)
        return refused.value

    def is_unusable(self) -> float | None:
        return self.counted.get_sample_value("headrace_api_clients_unusable", {"service": "serve_api"})

    def count(self, client: str, reason: str) -> float | None:
        labels = {"service": "serve_api", "client": client, "reason": reason}
        return self.counted.get_sample_value("headrace_api_refused_clients_total", labels)


def test_without_a_file_nobody_needs_a_key() -> None:
    register = Door(None).register
    assert register.admit(request()) is LOCAL
    assert LOCAL.scopes == frozenset(Scope)


@pytest.mark.parametrize(
    "headers", [{"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer {KEY} "}]
)
def test_a_key_comes_in_either_header(tmp_path: Path, headers: dict[str, str]) -> None:
    door = Door(write_clients(tmp_path, entry("shop", KEY)))
    assert door.name(None, **headers) == "shop"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "no-key"),
        ({"x-api-key": ""}, "no-key"),
        ({"authorization": f"Basic {KEY}"}, "no-key"),
        ({"authorization": "Bearer"}, "no-key"),
        ({"x-api-key": OTHER}, "unknown-key"),
        ({"x-api-key": KEY.upper()}, "unknown-key"),
        ({"x-api-key": hashlib.sha256(KEY.encode()).hexdigest()}, "unknown-key"),
        ({"authorization": f"Bearer {OTHER}", "x-api-key": KEY}, "unknown-key"),
    ],
)
def test_who_has_no_key_is_told_how_to_send_one(tmp_path: Path, headers: dict[str, str], kind: str) -> None:
    door = Door(write_clients(tmp_path, entry("shop", KEY)))
    problem = door.refused(None, **headers)
    assert (problem.status, problem.kind) == (401, kind)
    assert problem.headers["WWW-Authenticate"] == "Bearer"
    assert "X-Api-Key" in problem.detail
    assert KEY not in problem.detail
    assert OTHER not in problem.detail
    assert door.count("unknown", kind.replace("-", "_")) == 1


def test_a_source_that_pushes_needs_no_key_as_its_bodies_are_signed(tmp_path: Path) -> None:
    register = Door(write_clients(tmp_path, entry("shop", KEY))).register
    assert register.admit(request(path="/v1/ingest/orders")).scopes == {Scope.PUSH}


def test_a_client_may_ask_in_bursts_and_then_at_its_rate(tmp_path: Path) -> None:
    door = Door(write_clients(tmp_path, entry("shop", KEY, rate=2, burst=3), entry("other", OTHER)))
    assert [door.name() for _ in range(3)] == ["shop"] * 3
    problem = door.refused()
    assert (problem.status, problem.retry_after) == (429, 1)
    assert door.count("shop", "rate_limited") == 1
    assert door.name(OTHER) == "other"
    door.clock.advance(0.5)
    assert door.name() == "shop"
    assert door.refused().status == 429
    door.clock.advance(3_600)
    assert [door.name() for _ in range(3)] == ["shop"] * 3
    assert door.refused().status == 429


def test_a_request_that_was_much_work_is_paid_for_by_the_next(tmp_path: Path) -> None:
    door = Door(write_clients(tmp_path, entry("shop", KEY, rate=2, burst=3)))
    door.register.charge(door.register.admit(request({"x-api-key": KEY})), request(), 19)
    assert door.refused().retry_after == 9
    door.clock.advance(9)
    assert door.name() == "shop"


def test_one_address_of_a_page_takes_nothing_from_the_others(tmp_path: Path) -> None:
    per_address = {"rate": 1, "burst": 2}
    page = entry("page", KEY, "browser", rate=100, burst=100, per_address=per_address)
    door = Door(write_clients(tmp_path, page))
    for _ in range(500):
        try:
            door.name(address="192.0.2.66")
        except Problem as problem:
            assert problem.status == 429
    assert door.name(address="192.0.2.1") == "page"
    assert door.count("page", "rate_limited") == 498


def test_addresses_of_one_household_count_as_one() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9%eth0") != network_of("2001:db8:1:3::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("no:address") == "no:address"
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"


def test_a_key_of_a_page_counts_on_its_origins_alone(tmp_path: Path) -> None:
    door = Door(write_clients(tmp_path, entry("page", KEY, "browser", origins=[ORIGIN]), entry("shop", OTHER)))
    assert door.name(origin=ORIGIN) == "page"
    assert door.name(origin="http://api") == "page", "a page that the API serves"
    assert door.name() == "page"
    problem = door.refused(origin="https://evil.example")
    assert (problem.status, problem.kind) == (403, "origin")
    assert door.name(OTHER, origin="https://evil.example") == "shop"
    assert door.register.is_origin(ORIGIN)
    assert not door.register.is_origin("https://evil.example")


def test_a_change_counts_within_a_second(tmp_path: Path) -> None:
    door = Door(write_clients(tmp_path, entry("shop", KEY)))
    write_clients(tmp_path, entry("shop", OTHER))
    door.clock.advance(1)
    assert door.name(OTHER) == "shop"
    assert door.refused(KEY).kind == "unknown-key"


def test_a_file_that_is_wrong_changes_nothing_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_clients(tmp_path, entry("shop", KEY))
    os.utime(path, (1, 1))
    door = Door(path)
    path.write_text("clients: [")
    for _ in range(3):
        door.clock.advance(1)
        assert door.name() == "shop"
    assert door.is_unusable() == 1
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    path.unlink()
    for _ in range(3):
        door.clock.advance(1)
        assert door.name() == "shop"
    assert [record.levelname for record in caplog.records].count("ERROR") == 2, "once for each change"
    write_clients(tmp_path, entry("shop", OTHER))
    door.clock.advance(1)
    assert door.name(OTHER) == "shop"
    assert door.is_unusable() == 0


def test_a_file_that_is_wrong_at_the_start_keeps_the_api_from_starting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Door(tmp_path / "clients.yaml")
