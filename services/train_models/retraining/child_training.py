"""A training in a process of its own, whose memory is gone when it ends."""

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence

from train_models.models_cli import NOT_PROMOTED
from train_models.retraining.retrained import Retrained

_LOOK_S = 0.2
_END_S = 20.0
log = logging.getLogger(__name__)


class ChildTraining:
    """Runs `headrace models train` with this process's environment, so with the same settings.

    Args:
        command: what comes before the model's name; by default this interpreter's own.
    """

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", "headrace", "models", "train")) -> None:
        self._command = tuple(command)

    def train(self, model: Retrained, because: str, stop: threading.Event) -> bool:
        """Whether the command trained, promoted or not; it is ended when `stop` is set."""
        options = ["--because", because, *(["--promote"] if model.retraining.promote else [])]
        with subprocess.Popen([*self._command, model.name, *options], stdin=subprocess.DEVNULL) as child:
            while child.poll() is None:
                if stop.wait(_LOOK_S):
                    self._end(child)
            if child.returncode == NOT_PROMOTED:
                log.info("trained, and not promoted: the gates refused it", extra={"model": model.name})
                return True
            if child.returncode and not stop.is_set():
                log.error("a training failed", extra={"model": model.name, "status": child.returncode})
            return child.returncode == 0

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        child.terminate()
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
