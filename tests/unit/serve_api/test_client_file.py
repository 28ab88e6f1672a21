"""The file of clients: what it may hold, and what keeps the API from starting."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ConfigurationError
from serve_api.clients.client_file import read_clients
from tests.api_clients import SECRET, entry, new_key, write_clients, write_secret

ORIGIN = "https://shop.example"


def test_clients_are_found_by_the_hash_of_each_of_their_keys(tmp_path: Path) -> None:
    old, new, page = new_key(), new_key(), new_key()
    shop = entry("shop", old, scopes=["events", "items"], site="shop")
    shop["keys"] += entry("shop", new)["keys"]
    secret = write_secret(tmp_path, SECRET)
    browser = entry("page", page, "browser", origins=[ORIGIN], user_tokens=secret, per_address={"rate": 5})
    path = write_clients(tmp_path, shop, browser)
    clients, files = read_clients(path, 0.0)
    assert files == [path, tmp_path / secret]
    assert clients[hashlib.sha256(old.encode()).digest()] is clients[hashlib.sha256(new.encode()).digest()]
    assert {(each.name, each.kind, each.site) for each in clients.values()} == {
        ("shop", "server", "shop"),
        ("page", "browser", None),
    }
    assert clients[hashlib.sha256(page.encode()).digest()].origins == {ORIGIN}


KEY = new_key()
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "Shop!"}, "name"),
    ({"kind": "mobile"}, "kind"),
    ({"keys": []}, "keys"),
    ({"keys": [KEY]}, "keys.0"),
    ({"scopes": ["everything"]}, "scopes"),
    ({"scopes": []}, "scopes"),
    ({"rate": 0}, "rate"),
    ({"rate": float("inf")}, "rate"),
    ({"rate": float("nan")}, "rate"),
    ({"burst": 0.5}, "burst"),
    ({"site": "a/b"}, "site"),
    ({"rates": 5}, "rates"),
    ({"origins": [ORIGIN]}, "of kind browser"),
    ({"kind": "browser", "scopes": ["events", "items"]}, "can't have the scope items"),
    ({"kind": "browser", "origins": ["*"]}, "origins"),
    ({"kind": "browser", "origins": [f"{ORIGIN}/"]}, "origins"),
]


@pytest.mark.parametrize(("change", "tells"), WRONG)
def test_a_wrong_entry_is_named_without_its_key(tmp_path: Path, change: dict[str, Any], tells: str) -> None:
    path = write_clients(tmp_path, {**entry("shop", KEY), **change})
    with pytest.raises(ConfigurationError, match=tells) as refused:
        read_clients(path, 0.0)
    assert KEY not in str(refused.value)


def test_a_name_or_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name shop is there twice"):
        read_clients(write_clients(tmp_path, entry("shop", KEY), entry("shop", new_key())), 0.0)
    with pytest.raises(ConfigurationError, match=r"key [0-9a-f]{64} is there twice"):
        read_clients(write_clients(tmp_path, entry("shop", KEY), entry("page", KEY)), 0.0)


@pytest.mark.parametrize("text", ["", "[]", "clients: 5", "a: [", "x: 1", "clients:\n- 5", "\x00"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = write_clients(tmp_path)
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="clients"):
        read_clients(path, 0.0)


def test_a_file_that_others_may_change_is_refused(tmp_path: Path) -> None:
    path = write_clients(tmp_path, entry("shop", KEY))
    path.chmod(0o620)
    with pytest.raises(ConfigurationError, match="chmod go-w"):
        read_clients(path, 0.0)
    with pytest.raises(ConfigurationError, match="can't be read"):
        read_clients(tmp_path / "none.yaml", 0.0)


def test_a_key_of_tokens_is_long_and_private(tmp_path: Path) -> None:
    short = write_secret(tmp_path, SECRET, "short", name="short")
    public = write_secret(tmp_path, SECRET, name="public", mode=0o644)
    for name, tells in ((short, "32 characters"), (public, "chmod 600"), ("none", "can't be read")):
        path = write_clients(tmp_path, entry("shop", KEY, user_tokens=name))
        with pytest.raises(ConfigurationError, match=tells) as refused:
            read_clients(path, 0.0)
        assert SECRET not in str(refused.value)
