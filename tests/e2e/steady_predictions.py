"""A promoted model with all that a dashboard shows of one: predictions, unseen levels, a shadow, outcomes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from deploy.local.stack import Stack
from headrace.kafka import Producer
from headrace.models.records import PROMOTED, Promotion
from headrace.records import encode, headers_of
from tests.served_models import ROW, ModelMaker

MODEL = "steady_predictions"
_PAUSE_S = 0.1
_PATIENCE_S = 30.0


@contextmanager
def steady_predictions(stack: Stack) -> Iterator[None]:
    """Promotes a model and asks it ten times a second, until the block ends."""
    keys = Path(stack.variables("serve_api")["SERVE_API_MODEL_KEYS"])
    stop = threading.Event()
    with TemporaryDirectory(dir=stack.layout.root) as folder:
        _promote(stack, ModelMaker(Path(folder), keys))
        thread = threading.Thread(target=_ask, args=(stack, stop), name="steady predictions")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _promote(stack: Stack, maker: ModelMaker) -> None:
    promotion = Promotion(MODEL, 1, maker.make(MODEL), time.time_ns() // 1_000, shadow=maker.make(MODEL, 0.2))
    producer = Producer(stack.brokers, "tests")
    producer.produce(PROMOTED, encode(promotion), MODEL.encode(), headers_of(promotion))
    producer.flush(_PATIENCE_S)


def _ask(stack: Stack, stop: threading.Event) -> None:
    with httpx.Client(base_url=stack.url("serve_api"), timeout=_PATIENCE_S) as api:
        while not stop.wait(_PAUSE_S):
            with suppress(httpx.TransportError):
                asked = {**ROW, "plan": "platinum" if time.monotonic() % 10 < 1 else "gold"}
                answer = api.post(f"/v1/models/{MODEL}/predict", json=asked)
                if answer.status_code == httpx.codes.OK:
                    outcome = {"id": answer.json()["id"], "model": MODEL, "label": True}
                    api.post("/v1/outcomes", json=outcome)
