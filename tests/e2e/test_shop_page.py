"""The shop page in a real Chromium: what people do there comes to Kafka, and changes what they are recommended.

Each test ends with a look at the console, and at what the page asked other machines for: nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.keys import Keys

from deploy.local.demo_shop_goods import goods
from deploy.local.paths import PROJECT
from deploy.local.stack import Stack
from headrace.interactions.records import Interaction
from headrace.testing import wait_until
from headrace_client import Headrace
from tests.e2e.browser import Browser, browsing
from tests.integration.serve_api.events_client import InKafka

pytestmark = pytest.mark.integration

ARMS = {"as_ranked", "varied"}
SCREENSHOTS = PROJECT / ".headrace" / "screenshots"
_WATCH = """
const list = document.getElementById("recommended");
const shown = () => [...list.querySelectorAll("[data-item]")].map((each) => each.dataset.item).join();
const [before, began] = [shown(), performance.now()];
window.changedAfter = null;
new MutationObserver(() => {
  if (shown() !== before) window.changedAfter ??= performance.now() - began;
}).observe(list, { childList: true });
"""


class ShopPage:
    """What somebody sees and does there."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        browser.open(f"{url}/shop")
        self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(lambda: len(self.recommended()) == 6 and self.browser.all("#all li"), "recommendations and goods")

    def reload(self) -> None:
        self.browser.driver.refresh()
        self.wait_ready()

    def recommended(self) -> list[str]:
        found: list[str] = self.browser.run(
            "return [...document.querySelectorAll('#recommended [data-item]')].map((each) => each.dataset.item)"
        )
        return found

    def reasons(self) -> list[str]:
        return [str(each.text) for each in self.browser.all("#recommended .reason")]

    def arm(self) -> str | None:
        return self.browser.one("[data-experiment=home_variety]").get_attribute("data-arm")

    def session(self) -> str:
        """The id of the anonymous session."""
        return str(self.browser.run("return localStorage.getItem('shop:person')")).removeprefix("session:")

    def open_item(self, item: str) -> None:
        self.browser.run("document.querySelector(`#all [data-item=${arguments[0]}] button`).click()", item)

    def seconds_until_changed(self, item: str) -> float:
        """How long after an item was opened other items are recommended, by the page's own clock."""
        self.browser.run(_WATCH)
        self.open_item(item)
        seconds = wait_until(lambda: self.browser.run("return window.changedAfter"), f"other items after {item}")
        return float(seconds) / 1_000

    def wait_changed_for(self, what: str) -> None:
        """Until the page says that what is recommended changed because of something."""
        pattern = re.compile(rf"Changed \d+\.\d\d s after {what}")
        wait_until(lambda: pattern.match(self.browser.text("#freshness")), f"a change after {what}")

    def focus(self, selector: str, *, back: bool = False) -> None:
        """Goes there with the tabulator, as one does without a mouse."""
        target = self.browser.one(selector)
        for _ in range(60):
            if self.browser.focused() == target:
                return
            if back:
                self.browser.press_back_tab()
            else:
                self.browser.press(Keys.TAB)
        pytest.fail(f"the tabulator never comes to {selector}")


@pytest.fixture(scope="module")
def url(pipeline: Stack) -> str:
    """Of an API whose catalog has the demo's goods."""
    url = pipeline.url("serve_api")
    with Headrace(url) as client:
        client.put_items(goods())
        wait_until(lambda: len(client.trending(count=20)["items"]) == 20, "the goods in the API")
    return url


@pytest.fixture
def in_kafka(pipeline: Stack) -> Iterator[InKafka]:
    found = InKafka(pipeline.brokers)
    yield found
    found.stop()


@pytest.fixture
def shop(url: str, tmp_path: Path) -> Iterator[ShopPage]:
    with browsing(tmp_path / "profile") as browser:
        yield ShopPage(browser, url)
        assert browser.console() == []
        asked = [address for address in browser.requests() if address.startswith(("http", "ws"))]
        assert asked and all(address.startswith(url) for address in asked)


def _kinds(in_kafka: InKafka, session: str, url: str, *wanted: str) -> list[Interaction]:
    """The interactions of a session's subject, once all kinds are there."""
    subject = httpx.get(f"{url}/v1/sessions/{session}/data", timeout=20).json()["subject"]

    def found() -> list[Interaction]:
        own = in_kafka.interactions(lambda record: record.subject == subject, 0)
        return own if {record.kind for record in own} >= set(wanted) else []

    return wait_until(found, f"{', '.join(wanted)} in interactions.raw") or []


def test_what_is_viewed_and_bought_arrives_and_changes_what_is_recommended_within_a_second(
    shop: ShopPage, in_kafka: InKafka, url: str
) -> None:
    seconds: list[float] = []
    for item in ("violin", "tulip", "skateboard", "mango", "socks", "laptop", "teddy-bear", "hammer"):
        seconds.append(shop.seconds_until_changed(item))
        wait_until(lambda: len(shop.browser.all("#similar li")) == 4, "similar items")
        shop.browser.press(Keys.ESCAPE)
        # A shared machine stalls at times.
        if len(seconds) >= 2 and min(seconds) < 1:
            break
    assert min(seconds) < 1, seconds
    assert all(shop.reasons())
    chosen = shop.recommended()[0]
    shop.browser.one("#recommended button").click()
    shop.browser.one("#buy").click()
    wait_until(lambda: chosen not in shop.recommended(), "what was bought to be recommended no more")
    found = _kinds(in_kafka, shop.session(), url, "view", "impression", "click", "purchase")
    (bought,) = [record for record in found if record.kind == "purchase"]
    (clicked,) = [record for record in found if record.kind == "click"]
    assert (bought.item, clicked.item, clicked.position) == (chosen, chosen, 0)
    assert bought.value == next(item["price"] for item in goods() if item["item"] == chosen)
    seen = {record.recommendation for record in found if record.kind == "impression"}
    assert clicked.recommendation and None not in seen and {"violin", "tulip"} <= {record.item for record in found}
    for scheme in ("light", "dark"):
        shop.browser.use_scheme(scheme)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        shop.browser.screenshot(SCREENSHOTS / f"shop-{scheme}.png")


def test_the_arm_stays_the_same_across_reloads(shop: ShopPage) -> None:
    arm, session = shop.arm(), shop.session()
    assert arm in ARMS
    for _ in range(4):
        shop.reload()
        assert (shop.arm(), shop.session()) == (arm, session)


def test_everything_works_by_keyboard(shop: ShopPage, in_kafka: InKafka, url: str) -> None:
    browser = shop.browser
    browser.press(Keys.TAB)
    assert browser.focused().text == "Skip to all goods"
    shop.focus("#recommended li:nth-child(2) button")
    outline = browser.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]")
    assert outline == ["solid", "3px"]
    browser.press(Keys.ENTER)
    assert browser.focused() == browser.one("#add")
    title = browser.text("#item-title")
    browser.press(Keys.ENTER)
    assert browser.text("#note") == f"{title} is in the cart"
    wait_until(lambda: browser.text("dialog[open] #status"), "what is read out where the dialog is")
    wait_until(lambda: browser.text("#freshness"), "other recommendations")
    browser.press(Keys.ESCAPE)
    assert browser.run("return document.querySelector('dialog[open]')") is None
    # The list has changed meanwhile, and the focus isn't lost.
    wait_until(lambda: browser.run("return document.activeElement !== document.body"), "the focus")
    shop.focus("#open-cart", back=True)
    browser.press(Keys.ENTER)
    shop.focus("#checkout")
    browser.press(Keys.ENTER)
    assert browser.text("#cart-count") == "0"
    shop.focus("#open-person", back=True)
    browser.press(Keys.ENTER)
    shop.focus("#consent")
    browser.press(Keys.SPACE)
    wait_until(lambda: "for anybody" in browser.text("#arms"), "nothing personal")
    found = _kinds(in_kafka, shop.session(), url, "cart", "purchase", "consent")
    assert [record.consent for record in found if record.kind == "consent"] == [False]


def test_forget_me_erases_the_session_and_somebody_new_is_there(shop: ShopPage, url: str) -> None:
    session = shop.session()
    shop.open_item("guitar")
    shop.wait_changed_for("you viewed Guitar")
    shop.browser.press(Keys.ESCAPE)
    held = httpx.get(f"{url}/v1/sessions/{session}/data", timeout=20).json()
    assert held["features"]["recent"] == ["guitar"]
    shop.browser.one("#open-person").click()
    shop.browser.one("#forget").click()
    wait_until(lambda: shop.session() != session, "another session")
    shop.wait_ready()
    assert httpx.get(f"{url}/v1/sessions/{session}/data", timeout=20).status_code == 404
    kept = shop.browser.run("return JSON.stringify(localStorage)")
    assert session not in kept and shop.session() in kept
    wait_until(lambda: "you are new here" in shop.browser.text("#arms"), "recommendations for somebody new")


def test_somebody_else_at_the_same_browser_has_recommendations_of_their_own(shop: ShopPage) -> None:
    first = shop.session()
    shop.open_item("guitar")
    wait_until(lambda: "by what you did" in shop.browser.text("#arms"), "recommendations of somebody known")
    shop.browser.press(Keys.ESCAPE)
    own = shop.recommended()
    shop.browser.one("#open-person").click()
    shop.browser.one("#visitors .chip:last-child").click()
    wait_until(lambda: "you are new here" in shop.browser.text("#arms"), "recommendations for somebody new")
    assert shop.session() != first and shop.recommended() != own
    shop.browser.one("#open-person").click()
    shop.browser.one("#visitors .chip:first-child").click()
    wait_until(lambda: "by what you did" in shop.browser.text("#arms"), "recommendations for the first one again")
    assert shop.session() == first
    shop.browser.one("#open-person").click()
    shop.browser.one("#user").send_keys("shopper-1", Keys.ENTER)
    wait_until(lambda: shop.browser.text("#person-name") == "shopper-1", "the user")
    shop.wait_ready()
