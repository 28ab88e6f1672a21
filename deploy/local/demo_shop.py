"""The demo's shop: the page that serve_api shows, and the process of those who shop there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.demo_process import running
from deploy.local.paths import Layout
from deploy.local.stack import Stack

_NAME = "demo_shop_user"


def environment() -> Mapping[str, Mapping[str, str]]:
    """What serve_api needs for it: by service."""
    return {"serve_api": {"SERVE_API_SHOP": "true"}}


def address(stack: Stack) -> str:
    """Where the page is."""
    return stack.url("serve_api") + "/shop"


def state_file(layout: Layout) -> Path:
    """Where the process says how it goes."""
    return layout.root / "demo_shop.json"


@contextmanager
def shopping(stack: Stack, seed: int) -> Iterator[None]:
    """Fills the catalog, and has people shop for the length of the block."""
    state = state_file(stack.layout)
    state.unlink(missing_ok=True)
    arguments = {"api": stack.url("serve_api"), "state": state, "seed": seed}
    with running(stack, _NAME, f"deploy.local.{_NAME}", [f"--{name}={value}" for name, value in arguments.items()]):
        yield
