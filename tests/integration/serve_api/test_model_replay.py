"""Training rows through the API, one by one, give what the fitted object gave for all of them at once."""

import http.client
import itertools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from headrace.models.records import ModelVersion
from loadtest.churn_model import NAME, Row, fit, made_rows
from tests.integration.serve_api.client import TIMEOUT_S, Api
from tests.integration.serve_api.served_model import ServedModel
from tests.served_models import ModelMaker

pytestmark = pytest.mark.integration

ROWS = 10_000
CLIENTS = 8


def test_ten_thousand_training_rows_get_the_batch_result(
    api: Api, model: ServedModel, maker: ModelMaker, tmp_path: Path
) -> None:
    fitted = fit(*made_rows(ROWS, seed=3), trees=40)
    model.name = NAME
    version: ModelVersion = fitted.artifact(maker.folder / "replayed", maker.key, 1)
    model.promote(version)
    size = ROWS // CLIENTS
    with ThreadPoolExecutor(CLIENTS) as pool:
        parts = pool.map(lambda at: list(_answers(api.url, fitted.rows[at : at + size])), range(0, ROWS, size))
        answers = list(itertools.chain.from_iterable(parts))
    served = np.array([probability for probability, _ in answers])
    assert len(served) == ROWS
    assert np.abs(served - fitted.probabilities).max() <= 1e-6
    decisions = np.array([decision for _, decision in answers])
    assert np.array_equal(decisions, fitted.probabilities >= fitted.threshold)
    assert 0.2 < decisions.mean() < 0.4


def _answers(url: str, rows: Sequence[Row]) -> Iterator[tuple[float, bool]]:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=TIMEOUT_S)
    try:
        for row in rows:
            connection.request("POST", f"/v1/models/{NAME}/predict", json.dumps(row))
            answer = json.load(connection.getresponse())
            yield answer["probability"], answer["decision"]
    finally:
        connection.close()
