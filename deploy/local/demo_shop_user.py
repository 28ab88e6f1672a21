"""The demo's shop: puts its goods into the catalog and has people shop there, `--help` says how.

A process of its own, so that it can be ended as the devices are. It talks to the API by the Python client, as
any app does.
"""

from __future__ import annotations

import argparse
import random
import signal
import threading
import time
from pathlib import Path

import httpx

from deploy.local.demo_shop_goods import goods
from deploy.local.demo_shop_state import ArmShown, ShopShown, write_state
from deploy.local.demo_shop_tastes import Shopper, shoppers, visit
from headrace_client import Headrace, HeadraceError, NotSent

_SHOWN = 6
_STATE_EVERY_S = 1.0
_AGAIN_S = 2.0
_CLOSE_S = 5.0
_AWAY = (httpx.TransportError, HeadraceError, NotSent)


class Shopping:
    """Visits, one after the other, and the account of them."""

    def __init__(self, client: Headrace, shown: ShopShown, seed: int, count: int) -> None:
        self._client = client
        self._shown = shown
        self._goods = goods()
        self._prices = {item["item"]: item["price"] for item in self._goods}
        self._shoppers = shoppers(self._goods, count, seed)
        self._chance = random.Random(seed)  # noqa: S311 - who shops next is no secret

    def open(self) -> None:
        """Puts the goods into the catalog. Raises as the client."""
        self._client.put_items(self._goods)
        self._shown.items = len(self._goods)

    def visit(self) -> None:
        """Somebody comes, is shown what they might want, and does as they like. Raises as the client."""
        shopper = self._chance.choice(self._shoppers)
        answer = self._client.recommendations(user=shopper.user, count=_SHOWN)
        shown = [choice["item"] for choice in answer["items"]]
        done = visit(shopper, shown, self._chance).done
        for kind, item, position in done:
            self._send(shopper, kind, item, None if position is None else answer["id"], position)
        self._shown.visits += 1
        kinds = [kind for kind, _, _ in done]
        for experiment, arm in answer["arms"].items():
            counted = self._shown.arms.setdefault(f"{experiment} {arm}", ArmShown())
            counted.seen += kinds.count("impression")
            counted.clicked += kinds.count("click")

    def _send(self, shopper: Shopper, kind: str, item: str, recommendation: str | None, position: int | None) -> None:
        value = self._prices.get(item) if kind == "purchase" else None
        self._client.track(
            kind, item=item, user=shopper.user, recommendation=recommendation, position=position, value=value
        )


def main() -> None:
    """Runs until SIGTERM."""
    chosen = _arguments()
    stop, shown = threading.Event(), ShopShown()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    client = Headrace(chosen.api)
    try:
        run(Shopping(client, shown, chosen.seed, chosen.shoppers), shown, chosen, stop)
    finally:
        try:
            client.close(_CLOSE_S)
        except NotSent:
            shown.failed += 1


def run(shopping: Shopping, shown: ShopShown, chosen: argparse.Namespace, stop: threading.Event) -> None:
    """Opens the shop and has people visit it, until `stop`; while the API is away it is tried again."""
    opened, written = False, 0.0
    while not stop.is_set():
        try:
            if opened:
                shopping.visit()
            else:
                shopping.open()
                opened = True
            wait = 1 / chosen.rate
        except _AWAY:
            shown.failed += 1
            wait = _AGAIN_S
        if time.monotonic() - written > _STATE_EVERY_S:
            write_state(chosen.state, shown)
            written = time.monotonic()
        stop.wait(wait)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", required=True)
    parser.add_argument("--state", type=Path, required=True, help="file that says how it goes")
    parser.add_argument("--shoppers", type=int, default=400)
    parser.add_argument("--rate", type=float, default=4.0, help="visits a second (4)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
