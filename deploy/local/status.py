"""The table of `make status`."""

from __future__ import annotations

import time
from datetime import timedelta

import psutil
from rich.table import Table

from deploy.local.stack import Stack


def status_table(stack: Stack) -> Table:
    """One row per component."""
    table = Table(title=str(stack.layout.root), title_justify="left")
    for heading in ("component", "pid", "port", "uptime", "memory", "ready"):
        table.add_column(heading, justify="left" if heading in ("component", "ready") else "right")
    for name in stack.components:
        table.add_row(*_row(stack, name))
    return table


def _row(stack: Stack, name: str) -> tuple[str, ...]:
    port = str(next(iter(stack.components[name].ports.values())))
    record = stack.record(name)
    if record is None:
        return (name, "", port, "", "", "[dim]stopped[/]")
    try:
        process = psutil.Process(record.pid)
        uptime = timedelta(seconds=int(time.time() - process.create_time()))
        memory = f"{process.memory_info().rss / 1e6:,.0f} MB"
    except psutil.NoSuchProcess:
        return (name, "", port, "", "", "[red]ended[/]")
    ready = "[green]yes[/]" if stack.is_ready(name) else "[yellow]no[/]"
    return (name, str(record.pid), port, str(uptime), memory, ready)
