"""Trains the demo's model by the commands that a person would type: a simple one soon, then the best of all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.local.demo_model_state import ModelShown
from headrace.compacted_topic import read_compacted
from headrace.errors import TransientError
from headrace.kafka import headers_of_message
from headrace.models.records import PROMOTED, Promotion
from headrace.records import decode

FIRST_S, MORE_S = 22.0, 60.0
"""Seconds of readings of which the first version and that of all candidates are made."""
_AGAIN_S = 30.0
"""At least so many more seconds of readings, and twice as many as there were, before what failed is tried again."""
_LOOK_S = 0.5
_PARTS = ("rows", "cross-validation", "final fit", "learning curve", "judging", "export")


@dataclass(frozen=True)
class Stage:
    """One step of the plan: of how many seconds of readings, and of which candidate; of all where it is empty."""

    seconds: float
    only: str = ""


class Trainer:
    """Does the plan.

    Args:
        span: says of how many seconds there are readings.
    """

    def __init__(self, brokers: str, shown: ModelShown, span: Callable[[], float]) -> None:
        self._brokers = brokers
        self._shown = shown
        self._span = span
        self._child: subprocess.Popen[str] | None = None

    def run(self, stop: threading.Event) -> None:
        """Until all is done or `stop`."""
        stages = [Stage(FIRST_S, "ridge"), Stage(MORE_S)]
        if self.note_reason(stop):
            # A demo before this one left a version that answers already.
            stages = stages[1:]
        for stage in stages:
            wanted = stage.seconds
            while self._wait(wanted, stop) and not self._train(stage, stop):
                wanted = max(self._span() + _AGAIN_S, 2 * wanted)
        self._shown.doing = ""

    def end(self) -> None:
        """Ends a training that is under way."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def note_reason(self, stop: threading.Event) -> bool:
        """Whether a version is promoted; notes why it was, when the asker has seen it."""
        while not stop.is_set():
            try:
                found = read_compacted(self._brokers, PROMOTED, self._shown.name.encode())
            except TransientError:
                stop.wait(_LOOK_S)
                continue
            message = found.get(self._shown.name.encode())
            if message is None:
                return False
            promotion = decode(message.value(), headers_of_message(message))
            if isinstance(promotion, Promotion):
                self._shown.reasons[promotion.champion.version] = promotion.reason
            return True
        return False

    def _wait(self, seconds: float, stop: threading.Event) -> bool:
        """Whether there are readings of so many seconds now; False at the end."""
        while not stop.is_set():
            span = self._span()
            if span >= seconds:
                return True
            self._shown.doing = f"waits for more readings: {span:.0f} s of {seconds:.0f} s are there"
            stop.wait(_LOOK_S)
        return False

    def _train(self, stage: Stage, stop: threading.Event) -> bool:
        arguments = ["models", "train", self._shown.name, *(["--only", stage.only] if stage.only else []), "--promote"]
        self._shown.doing = typed = f"headrace {' '.join(arguments)}"
        output = self._command(arguments, lambda part: setattr(self._shown, "doing", f"{typed}   ({part})"))
        if stop.is_set():
            return False
        child = self._child
        if child is not None and child.returncode == 0:
            self._shown.refused = ""
            self.note_reason(stop)
            return True
        self._shown.refused = why_not(output)
        return False

    def _command(self, arguments: Sequence[str], on_part: Callable[[str], None]) -> list[str]:
        """Runs it beside everything else, with what it says in this process's log too; returns its lines."""
        # Wide, so that no line is wrapped; one thread, so that the pipeline keeps its cores.
        environment = {**os.environ, "COLUMNS": "400", "OMP_NUM_THREADS": "1"}
        command = ["nice", "-n", "10", sys.executable, "-m", "headrace", *arguments]
        lines = []
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as child:
            self._child = child
            for line in child.stdout or ():
                sys.stdout.write(line)
                sys.stdout.flush()
                lines.append(line.strip())
                if lines[-1] in _PARTS:
                    on_part(lines[-1])
        return lines


def why_not(output: Sequence[str]) -> str:
    """Why a training did not come to a promotion: the gates that it failed, or the last that it said."""
    failed = [" ".join(line.split()) for line in output if " failed " in line]
    return "; ".join(failed) or next((line for line in reversed(output) if line), "it said nothing")
