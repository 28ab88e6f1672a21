"""A client of the demo's model, and the one who trains it: `python -m deploy.local.demo_model_user --help`.

A process of its own, so that it can be ended as the devices are. It follows the API's live readings, has the model
trained and promoted by the `headrace models` commands, asks it about every meter each second and sends the outcomes.
"""

from __future__ import annotations

import argparse
import http.client
import signal
import threading
from datetime import timedelta
from pathlib import Path

from deploy.local.demo_api import ApiClient, live_readings
from deploy.local.demo_meter_rows import MeterRows
from deploy.local.demo_model_asker import Asker
from deploy.local.demo_model_state import ModelShown, write_state
from deploy.local.demo_model_trainer import Trainer
from headrace.models.model_folder import read_model_file
from train_models.data.events_spec import Events

_KEPT = timedelta(seconds=20)
_AGAIN_S = 1.0


def main() -> None:
    """Runs until SIGTERM."""
    chosen = _arguments()
    stop, lock = threading.Event(), threading.Lock()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    spec = Events.model_validate(read_model_file(chosen.file)["data"]["events"])
    rows, shown = MeterRows(spec, _KEPT), ModelShown(chosen.model)
    trainer = Trainer(chosen.brokers, shown, lambda: rows.span)
    asker = Asker(ApiClient(chosen.api), rows, lock, shown)
    works = (
        lambda: follow(chosen.api, str(spec.where["metric"]), rows, lock, stop),
        lambda: asker.run(stop),
        lambda: trainer.run(stop),
    )
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    while not stop.wait(_AGAIN_S):
        write_state(chosen.state, shown)
        if not all(thread.is_alive() for thread in threads[:2]):
            raise SystemExit("a thread ended; its error is above")
    trainer.end()


def follow(url: str, metric: str, rows: MeterRows, lock: threading.Lock, stop: threading.Event) -> None:
    """Fills `rows` from the live feed, again after each time that it broke off."""
    while not stop.is_set():
        try:
            for device, moment, value in live_readings(url, metric):
                with lock:
                    rows.add(device, moment, value)
                if stop.is_set():
                    return
        except (OSError, http.client.HTTPException):
            pass
        stop.wait(_AGAIN_S)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "api", "brokers"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--file", type=Path, required=True, help="the model's file")
    parser.add_argument("--state", type=Path, required=True, help="file that says how it goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
