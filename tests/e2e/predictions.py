"""The models of the pipeline under test: trained, promoted and asked as a user would."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass

import httpx

from deploy.local.stack import Stack
from headrace.kafka import headers_of_message
from headrace.models.records import MADE, OUTCOMES, Outcome, Prediction
from headrace.range_reader import RangeReader
from headrace.records import decode
from headrace.replay.ranges import find_ranges
from headrace.testing import wait_until

MODEL, AGAIN = "weighed", "weighed_again"
_AMOUNTS = [each * 37 % 100 for each in range(60)]


@dataclass(frozen=True)
class Predictions:
    """Asks the stack."""

    stack: Stack

    def headrace(self, *arguments: str) -> str:
        """What `headrace models ...` says with the settings of the stack's train_models."""
        command = [sys.executable, "-m", "headrace", "models", *arguments]
        variables = {**self.stack.variables("train_models"), "COLUMNS": "200"}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def train(self) -> None:
        """Makes a champion, and waits until the API answers with it."""
        self.headrace("train", MODEL, "--promote")
        wait_until(lambda: self._post({"amount": 1.0}).status_code == 200, "the API to have the model", 30)

    def ask(self) -> None:
        """Gets predictions, and tells what came of them."""
        answer = self._post({"rows": [{"amount": float(amount)} for amount in _AMOUNTS]}).raise_for_status()
        outcomes = [
            {"id": each["id"], "model": MODEL, "label": float(amount + 2 * (number * 53 % 41))}
            for number, (amount, each) in enumerate(zip(_AMOUNTS, answer.json()["predictions"], strict=True))
        ]
        url = f"{self.stack.url('serve_api')}/v1/outcomes"
        assert httpx.post(url, json={"outcomes": outcomes}, timeout=10).status_code == 202

    def answered_by(self, service: str) -> bool:
        """Whether what the API answered is in the topic."""
        assert service == "serve_api"
        asked = self._post({"amount": 7.0}).raise_for_status().json()["id"]
        return any(each.id == asked for each in self._made())

    def is_scored(self, order: str) -> bool:
        """Whether there is a prediction of an order's row."""
        return any(each.subject == order for each in self._made())

    def is_about(self, device: str) -> bool:
        """Whether there is a prediction of a device's next hour."""
        return any(each.model == "next_hour" and device in (each.subject or "") for each in self._made())

    def has_outcomes(self, model: str) -> bool:
        return any(each.model == model for each in self._records(OUTCOMES) if isinstance(each, Outcome))

    def is_learned_from(self) -> bool:
        """Whether another model can be trained on the predictions and their outcomes."""
        return "version" in self.headrace("train", AGAIN)

    def _post(self, body: object) -> httpx.Response:
        return httpx.post(f"{self.stack.url('serve_api')}/v1/models/{MODEL}/predict", json=body, timeout=10)

    def _made(self) -> list[Prediction]:
        return [each for each in self._records(MADE) if isinstance(each, Prediction)]

    def _records(self, topic: str) -> list[object]:
        found: list[object] = []
        for number, (start, end) in enumerate(find_ranges(self.stack.brokers, [topic], 0, None)[topic]):
            with closing(RangeReader(self.stack.brokers, topic, number)) as reader:
                reader.start(start, end)
                while not reader.is_done:
                    found += [decode(each.value(), headers_of_message(each)) for each in reader.read()]
        return found
