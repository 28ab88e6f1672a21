"""The demo's shop: goods that the API takes, shoppers who do as they like, and what the screen says of it."""

from __future__ import annotations

import argparse
import random
import threading
from collections import Counter
from pathlib import Path

from deploy.local.demo_shop_goods import goods
from deploy.local.demo_shop_panel import ShopFigures, shop_line
from deploy.local.demo_shop_state import ArmShown, ShopShown, read_state
from deploy.local.demo_shop_tastes import shoppers, visit
from deploy.local.demo_shop_user import Shopping, run
from headrace.interactions.event import event_of
from headrace.interactions.item import item_of
from headrace.interactions.limits import Limits
from headrace.testing import wait_until
from headrace_client import Headrace
from tests.unit.clients.fake_api import fake_api

NOW_US = 1_900_000_000_000_000


def test_the_api_takes_the_goods_and_each_has_a_picture() -> None:
    items = [item_of(given, "default", NOW_US) for given in goods()]
    assert len({item.item for item in items}) == len({item.title for item in items}) == len(items) >= 150
    glyphs = {str(item.attributes["glyph"]) for item in items}
    assert len(glyphs) == len(items) and all(len(glyph) == 1 for glyph in glyphs)
    assert all(item.price and item.category and item.tags for item in items)
    assert min(Counter(item.category for item in items).values()) >= 10


def test_tastes_are_the_same_for_the_same_seed_and_differ_between_people() -> None:
    people = shoppers(goods(), 40, seed=3)
    assert people == shoppers(goods(), 40, seed=3) != shoppers(goods(), 40, seed=4)
    assert {max(each.likes.values()) for each in people} == {1.0}
    favourites = {max(each.likes, key=lambda item: each.likes[item]) for each in people}
    assert len(favourites) > 10


def test_people_click_on_what_they_like_and_more_so_above() -> None:
    shopper, chance = shoppers(goods(), 1, seed=1)[0], random.Random(1)
    ordered = sorted(shopper.likes, key=lambda item: -shopper.likes[item])
    liked, unliked = ordered[:3], ordered[-3:]
    clicked: Counter[int] = Counter()
    for _ in range(2_000):
        done = visit(shopper, [*liked, *unliked], chance).done
        assert {kind for kind, _, _ in done} <= {"impression", "click", "view", "cart", "purchase"}
        assert [position for kind, _, position in done if kind == "impression"] == list(range(6))
        clicked.update(position for kind, _, position in done if kind == "click" and position is not None)
    assert clicked[0] > clicked[2] > 5 * clicked[5]


def test_shoppers_send_what_the_api_takes_and_are_counted_by_arm(tmp_path: Path) -> None:
    items = [{"item": item["item"]} for item in goods()[:6]]
    chosen = argparse.Namespace(rate=500.0, state=tmp_path / "state.json")
    shown, stop = ShopShown(), threading.Event()
    with fake_api() as api:
        api.fixed["/v1/recommendations"] = (200, {"id": "r1", "items": items, "arms": {"e": "a"}}, {})
        with Headrace(api.url) as client:
            shopping = Shopping(client, shown, seed=1, count=20)
            thread = threading.Thread(target=run, args=(shopping, shown, chosen, stop))
            thread.start()
            wait_until(lambda: shown.visits >= 50, "50 visits")
            stop.set()
            thread.join()
        events = [event for sent in api.events() for event in sent]
    for event in events:
        event_of(event, round(1e6 * 2**31), Limits(max_age_us=None))
    kinds = Counter(event["kind"] for event in events)
    assert shown.arms == {"e a": ArmShown(kinds["impression"], kinds["click"])}
    assert kinds["impression"] == 6 * shown.visits and shown.failed == 0
    assert all(("recommendation" in event) == ("position" in event) for event in events)
    assert all(event["value"] > 0 for event in events if event["kind"] == "purchase")
    assert (read_state(chosen.state) or ShopShown()).items == len(goods())


def test_the_line_has_events_recommendations_and_click_through_by_arm() -> None:
    shown = ShopShown(
        169, 10, 0, {"home_variety varied": ArmShown(400, 50), "home_variety as_ranked": ArmShown(300, 30)}
    )
    text = shop_line(ShopFigures(1_234, 20.4, 250, 4.04, shown))
    assert text == (
        "events 1,234 (20/s)   recommendations 250 (4.0/s)   "
        "click-through as_ranked 10.0 % of 300, varied 12.5 % of 400"
    )
    assert "click-through not known yet" in shop_line(ShopFigures(0, 0, 0, 0, ShopShown()))
    assert shop_line(None) == "nobody shops yet"
