"""What the API serves of the shop: whole, by a strict policy, and only where it is asked for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from headrace.errors import ConfigurationError
from serve_api.app import build_app
from serve_api.routes import shop
from serve_api.settings import Settings
from tests.api_clients import entry, new_key, write_clients

_REFERENCE = re.compile(r'(?:src|href)="([^"#]+)"')
_IMPORT = re.compile(r'(?:from|url\()\s*"(\.?[^"]+)"')


class Client:
    """Asks an application that has not been started, as the shop needs nothing of what it starts with."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def get() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://shop") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(get())


@pytest.fixture
def client() -> Client:
    return _shop_alone("", takes_users=True)


def _shop_alone(key: str, takes_users: bool) -> Client:
    app = FastAPI()
    app.include_router(shop.shop_router(key, takes_users))
    return Client(app)


def test_every_file_that_the_page_needs_is_served(client: Client) -> None:
    wanted = [f"/{name}" for name in _REFERENCE.findall(client.get("/shop").text)]
    seen: set[str] = set()
    while wanted:
        path = wanted.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        folder = path.rpartition("/")[0]
        wanted += [str(Path(folder, name)) for name in _IMPORT.findall(answer.text)]
    assert {"/shop/shop.js", "/shop/shop.css", "/shop/headrace/headrace.js", "/shop/headrace/outbox.js"} <= seen


def test_nothing_inline_and_nothing_from_elsewhere(client: Client) -> None:
    answer = client.get("/shop")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert re.search(r"<script(?![^>]* src=)|\son[a-z]+=|\sstyle=|https?://", answer.text) is None


def test_a_file_that_the_browser_has_is_not_sent_again(client: Client) -> None:
    first = client.get("/shop/shop.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = client.get("/shop/shop.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/shop/shop.css", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_the_page_is_told_its_key(client: Client) -> None:
    assert client.get("/shop/settings.json").json() == {"key": None, "takes_users": True}
    assert _shop_alone("hrk_page", takes_users=False).get("/shop/settings.json").json() == {
        "key": "hrk_page",
        "takes_users": False,
    }


def test_there_is_no_shop_unless_it_is_asked_for() -> None:
    assert Client(build_app(Settings.load())).get("/shop").status_code == 404
    assert Client(build_app(Settings.load(shop=True))).get("/shop").status_code == 200


def test_a_shop_needs_a_key_where_clients_are_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SERVE_API_SHOP_KEY"):
        Settings.load(shop=True, clients=tmp_path / "clients.yaml")
    assert Settings.load(shop=True, clients=tmp_path / "clients.yaml", shop_key="hrk_page").shop


def test_a_key_that_has_to_stay_secret_is_not_told_by_the_page(tmp_path: Path) -> None:
    secret, open_to_all = new_key(), new_key()
    scopes = ["events", "recommend", "users"]
    clients = write_clients(tmp_path, entry("back", secret), entry("page", open_to_all, "browser", scopes=scopes))
    with pytest.raises(ConfigurationError, match="the server back"):
        build_app(Settings.load(shop=True, clients=clients, shop_key=secret))
    with pytest.raises(ConfigurationError, match="no client's"):
        build_app(Settings.load(shop=True, clients=clients, shop_key=new_key()))
    client = Client(build_app(Settings.load(shop=True, clients=clients, shop_key=open_to_all)))
    assert client.get("/shop/settings.json").json()["key"] == open_to_all


def test_missing_files_are_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "CLIENT_FOLDER", tmp_path)
    with pytest.raises(ConfigurationError, match="SERVE_API_SHOP=false"):
        shop.shop_router("", takes_users=True)
