"""Shows how far a replay is: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from headrace.replay.replay_run import View
from headrace.replay.stage_replay import OnProgress

LINE_EVERY_S = 5.0


def progress_view(console: Console) -> View:
    """A view of records on a console."""
    return (lambda name, total: _bar(console, name, total)) if console.is_terminal else _lines_on(console)


class _Rate(ProgressColumn):
    """Records a second, of the last half minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


@contextmanager
def _bar(console: Console, name: str, total: int) -> Iterator[OnProgress]:
    count = TextColumn("{task.completed:,.0f} of {task.total:,.0f} records")
    columns = (TextColumn("{task.description}"), BarColumn(), count, _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.update(task, completed=done)


def _lines_on(console: Console) -> View:
    @contextmanager
    def lines(name: str, total: int) -> Iterator[OnProgress]:
        said = Lines(name, total)

        def note(done: int) -> None:
            if line := said.note(done, time.monotonic()):
                console.print(line, highlight=False, markup=False)

        yield note

    return lines


class Lines:
    """Decides when a line is due and what it says."""

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._first: tuple[int, float] | None = None
        self._next = 0.0
        self._ended = False

    def note(self, done: int, now: float) -> str | None:
        """The line to print, at the first call, every few seconds, and when all is done; else None.

        Args:
            now: monotonic seconds.
        """
        begin, begin_at = self._first = self._first or (done, now)
        ends = done >= self._total and not self._ended
        if now < self._next and not ends:
            return None
        self._next = now + LINE_EVERY_S
        self._ended = self._ended or ends
        text = f"{self._name}: {done:,} of {self._total:,} records"
        if now <= begin_at or done <= begin:
            return text
        rate = (done - begin) / (now - begin_at)
        return f"{text}, {rate:,.0f}/s, {(self._total - done) / rate:,.0f} s left"
