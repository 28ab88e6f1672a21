"""What the demo's screen shows of its shop, as the process with the shoppers writes it into a file."""

from __future__ import annotations

from pathlib import Path

import msgspec


class ArmShown(msgspec.Struct):
    """One arm of an experiment: items that were seen, and how many of them were clicked."""

    seen: int = 0
    clicked: int = 0

    @property
    def click_through(self) -> float | None:
        return self.clicked / self.seen if self.seen else None


class ShopShown(msgspec.Struct):
    """How shopping goes; `arms` are `experiment arm` → what came of it, without the person at the screen."""

    items: int = 0
    visits: int = 0
    failed: int = 0
    arms: dict[str, ArmShown] = {}


def write_state(path: Path, shown: ShopShown) -> None:
    """A reader finds the old one or the new one."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(shown))
    partial.replace(path)


def read_state(path: Path) -> ShopShown | None:
    """None where there is none yet."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ShopShown)
    except (OSError, msgspec.MsgspecError):
        return None
