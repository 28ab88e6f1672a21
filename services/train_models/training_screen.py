"""Progress bars of a training, on a terminal; elsewhere a line per part."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class TrainingScreen:
    """The `Progress` of `choice`, drawn: one bar per part, the newest below."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description:<20}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._end()
        self._bars.stop()

    def start(self, total: int, what: str) -> None:
        self._end()
        self._bar = self._bars.add_task(what, total=total or None, note="")
        if not self._console.is_terminal:
            self._console.print(what)

    def advance(self, what: str, best: float | None) -> None:
        if self._bar is not None:
            note = what if best is None else f"{what}   best {best:.4g}"
            self._bars.update(self._bar, advance=1, note=note)

    def _end(self) -> None:
        if self._bar is not None:
            done = self._bars.tasks[-1].completed
            self._bars.update(self._bar, total=done or 1, completed=done or 1)
