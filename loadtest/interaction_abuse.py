"""Abuse beside a normal load: `make bench NAME=interaction_abuse`.

An app asks for recommendations and sends events at a steady rate, in an open loop. Beside it, each in its turn and then
all at once, attackers send what has to be refused, each request as soon as the one before is answered. In the same run
the app's latencies without any of them, before, between and after: the others' p99 is to stay within twice that. All
of them have clients of their own, as an operator sets them; the attackers' process has the lowest priority.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec
import psutil
import uvloop
import yaml

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.testing import wait_until
from loadtest import results
from loadtest.interaction_attacks import Keys, attacks
from loadtest.open_loop import OpenLoop
from loadtest.predict import figures

_PEOPLE, _ITEMS = 500, 1_000
_HOST = "127.0.0.1"
_BOUND = 2.0
_SETTLE_S = 1.0


class App:
    """The normal client."""

    def __init__(self, stack: Stack, key: str) -> None:
        self.stack = stack
        self._key = {"Authorization": f"Bearer {key}"}
        self._port = stack.ports.serve_api
        self._sent = 0

    def fill(self) -> None:
        """Puts the catalog, and lets everybody have looked at something."""
        url = self.stack.url("serve_api")
        items = [{"item": f"mug-{n}", "title": f"Mug {n}", "category": f"c{n % 9}"} for n in range(_ITEMS)]
        events = [self._event(f"mug-{n * 7 % _ITEMS}") for n in range(_PEOPLE * 2)]
        for path, body in (("/v1/items", {"items": items}), ("/v1/events", {"events": events})):
            httpx.post(f"{url}{path}", json=body, headers=self._key, timeout=60).raise_for_status()

        def is_known() -> bool:
            asked = httpx.get(f"{url}/v1/recommendations?user=user-1", headers=self._key, timeout=10).json()
            return asked["kind"] == "personal" and bool(asked["items"]) and not asked["degraded"]

        wait_until(is_known, "recommendations", 120, every=0.5)

    def offer(self, rate: float, seconds: float) -> dict[str, float]:
        """Latencies of two questions to each event."""
        requests = [self._next(number) for number in range(round(rate * seconds))]
        answers = uvloop.run(OpenLoop(_HOST, self._port, requests, 64).run(rate, seconds))
        return figures(answers, rate, seconds)

    def _next(self, number: int) -> bytes:
        if number % 3:
            asked = f"/v1/recommendations?user=user-{number % _PEOPLE}&count=10"
            return _wire("GET", asked, self._key)
        body = json.dumps(self._event(f"mug-{number % _ITEMS}")).encode()
        return _wire("POST", "/v1/events", {**self._key, "Content-Type": "application/json"}, body)

    def _event(self, item: str) -> dict[str, object]:
        self._sent += 1
        return {"id": f"e{self._sent}", "kind": "view", "user": f"user-{self._sent % _PEOPLE}", "item": item}


def _wire(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {_HOST}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run_all(rate: float, seconds: float) -> dict[str, Any]:
    """The app alone and beside each attack, and beside all of them."""
    with TemporaryDirectory() as folder:
        path, app_key, keys = _clients(Path(folder))
        with temporary_stack(environment={"serve_api": {"SERVE_API_CLIENTS": str(path)}}) as stack:
            stack.up("kafka", "cassandra", "process_interactions", "serve_api")
            app = App(stack, app_key)
            app.fill()
            app.offer(rate, 5.0)
            return _measured(app, keys, rate, seconds)


def _measured(app: App, keys: Keys, rate: float, seconds: float) -> dict[str, Any]:
    alone = [_alone(app, rate, seconds)]
    beside: dict[str, Any] = {}
    memory = [_server(app.stack).memory_info().rss]
    for name in [*attacks(keys), "all at once"]:
        chosen = [] if name == "all at once" else [name]
        attackers = _attackers(app.stack, keys, chosen, seconds + 2 * _SETTLE_S)
        time.sleep(_SETTLE_S)
        before = _cpu(app.stack)
        found = app.offer(rate, seconds)
        used = _cpu(app.stack) - before
        heard = json.loads(attackers.communicate(timeout=120)[0])
        memory.append(_server(app.stack).memory_info().rss)
        alone.append(_alone(app, rate, seconds))
        beside[name] = _said(name, {**found, **_compared(found, used, alone[-2:], heard, seconds), "attackers": heard})
    wrong = {
        f"{name}: {what}": heard["not_refused"]
        for name, one in beside.items()
        for what, heard in one["attackers"].items()
        if heard["not_refused"] or not heard["said"]
    }
    ratios = {name: one["p99_to_p99_alone"] for name, one in beside.items()}
    return {
        "about": "an app's latencies in an open loop, alone and beside attackers who send one request after the other; "
        "the p99 is compared with the mean of those alone just before and just after",
        "passed": not wrong and max(ratios.values()) <= _BOUND and not any(one["failed"] for one in beside.values()),
        "p99_alone_ms": results.spread([one["p99_ms"] for one in alone]),
        "p99_to_p99_alone": ratios,
        "not_refused": wrong,
        "rss_mb": {"before": round(memory[0] / 1e6), "most": round(max(memory) / 1e6)},
        "alone": alone,
        "beside": beside,
    }


def _alone(app: App, rate: float, seconds: float) -> dict[str, Any]:
    before = _cpu(app.stack)
    found: dict[str, Any] = app.offer(rate, seconds)
    return _said("alone", {**found, "server_cpu_s": round(_cpu(app.stack) - before, 2)})


def _compared(
    found: dict[str, Any], used: float, around: Sequence[dict[str, Any]], heard: dict[str, Any], seconds: float
) -> dict[str, float]:
    """The p99 as a multiple, and the server's time for each of the attackers' requests."""
    requests = sum(each["requests"] for each in heard.values()) * seconds / (seconds + 2 * _SETTLE_S)
    more = used - statistics.mean(one["server_cpu_s"] for one in around)
    return {
        "p99_to_p99_alone": round(found["p99_ms"] / statistics.mean(one["p99_ms"] for one in around), 2),
        "server_cpu_s": round(used, 2),
        "server_cpu_ms_per_attack": round(more / max(requests, 1) * 1e3, 2),
    }


def _said(name: str, found: dict[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in found.items() if key != "attackers"}
    heard = {what: each["statuses"] for what, each in found.get("attackers", {}).items()}
    print(f"{name}: {shown} {heard}", flush=True)
    return found


def _attackers(stack: Stack, keys: Keys, chosen: Sequence[str], seconds: float) -> subprocess.Popen[str]:
    # Elsewhere they would have machines of their own; here they get what nobody else wants.
    command = [
        "nice",
        "-n",
        "19",
        sys.executable,
        "-m",
        "loadtest.interaction_attacks",
        "--port",
        str(stack.ports.serve_api),
    ]
    command += ["--keys", msgspec.json.encode(keys).decode(), "--seconds", str(seconds), *chosen]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _server(stack: Stack) -> psutil.Process:
    record = stack.record("serve_api")
    if record is None:
        raise RuntimeError(f"serve_api has ended; its log ends:\n{stack.log_tail('serve_api')}")
    return psutil.Process(record.pid)


def _cpu(stack: Stack) -> float:
    times = _server(stack).cpu_times()
    return float(times.user + times.system)


def _clients(folder: Path) -> tuple[Path, str, Keys]:
    """The file of clients, the app's key, and the others'."""
    app, attacker, page = (secrets.token_urlsafe(32) for _ in range(3))
    entries = [
        {"name": "app", "kind": "server", "scopes": ["events", "recommend", "items"], "rate": 10_000},
        {"name": "attacker", "kind": "server", "scopes": ["events", "recommend"], "rate": 50},
        {
            "name": "page",
            "kind": "browser",
            "scopes": ["events", "recommend"],
            "rate": 500,
            "per_address": {"rate": 20},
        },
    ]
    for entry, key in zip(entries, (app, attacker, page), strict=True):
        entry["keys"] = [hashlib.sha256(key.encode()).hexdigest()]
    path = folder / "clients.yaml"
    path.write_text(yaml.safe_dump({"clients": entries}))
    path.chmod(0o600)
    return path, app, Keys(attacker, page)


def main() -> None:
    """Measures, prints, and writes results/interaction_abuse.json; ends with 1 where somebody else was harmed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=150, help="the app's requests a second (150)")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (10)")
    parser.add_argument("--no-write", dest="write", action="store_false")
    options = parser.parse_args()
    found = run_all(options.rate, options.seconds)
    print({name: found[name] for name in ("passed", "p99_alone_ms", "p99_to_p99_alone", "not_refused", "rss_mb")})
    if options.write:
        print(f"written to {results.write('interaction_abuse', 'make bench NAME=interaction_abuse', found)}")
    sys.exit(not found["passed"])


if __name__ == "__main__":
    main()
