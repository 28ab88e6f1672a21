"""`headrace models` with a recommender: trained, compared, promoted, reported, rolled back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.local.stack import Stack
from tests.integration.train_models.workshop import Workshop
from train_models.registry.promotion import read_promotion

pytestmark = pytest.mark.integration

NAME = "goes_with"
_FILE = """
task: recommendation
about: What goes with what
data: {{files: rows.csv, rename: {{user: subject, thing: item, at: time}}}}
candidates: [{{algorithm: item_knn, neighbours: {neighbours}, least: 1}}]
validation: {{hold_out: 0.3, choice: 0.2}}
"""


@pytest.fixture(scope="module")
def workshop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = Workshop(stack, tmp_path_factory.mktemp("recommender"))
    made.write_file("rows.csv", _rows())
    return made


def test_a_version_is_promoted_that_is_better_and_no_other(workshop: Workshop) -> None:
    _write(workshop)
    shown = workshop.right("models", "train", NAME, "--promote")
    assert "hit rate@10" in shown and "decayed popularity" in shown and "better than popularity" in shown
    assert f"{NAME}: champion is version 1" in shown

    again = workshop.right("models", "train", NAME)
    assert "which was there already" in again
    assert len(workshop.registry.versions(NAME)) == 1

    # Where an item speaks for one other alone, less can be foretold.
    _write(workshop, neighbours=1)
    refused = workshop.run("models", "train", NAME, "--promote", "--because", "another file")
    assert refused.status == 3 and "better than version 1" in refused.output and "version 1 stays" in refused.error
    assert "nDCG@10" in workshop.right("models", "compare", NAME, "2", "1")


def test_versions_are_shown_tried_and_gone_back_from(workshop: Workshop, tmp_path: Path) -> None:
    listed = workshop.right("models", "list", NAME)
    assert "item_knn" in listed and "champion" in listed
    assert "How good it is" in workshop.right("models", "report", NAME)
    workshop.right("models", "report", NAME, "--out", str(tmp_path / "report.html"))
    assert "<h1>Recommender goes_with</h1>" in (tmp_path / "report.html").read_text()

    assert "no shadow runs" in workshop.refused("models", "promote", NAME, "--shadow")
    assert "canary 2 (20%)" in workshop.right("models", "promote", NAME, "--canary", "0.2")
    workshop.right("models", "promote", NAME, "--force", "to be gone back from")
    workshop.right("models", "rollback", NAME)
    standing = read_promotion(workshop.brokers, NAME)
    assert standing is not None and standing.champion.version == 1


def test_without_its_rows_a_version_is_not_judged(workshop: Workshop) -> None:
    name = "gone"
    (workshop.settings.models / f"{name}.yaml").write_text(_FILE.format(neighbours=5))
    version = workshop.train(name)
    snapshot = workshop.settings.data / "snapshots" / version.tags["data_sha256"]
    aside = snapshot.with_name("aside")
    snapshot.rename(aside)
    try:
        refused = workshop.run("models", "promote", name)
        assert refused.status == 1 and "train again" in refused.output
    finally:
        aside.rename(snapshot)


def _write(workshop: Workshop, neighbours: int = 5) -> None:
    (workshop.settings.models / f"{NAME}.yaml").write_text(_FILE.format(neighbours=neighbours))


def _rows() -> list[dict[str, Any]]:
    """Persons of two tastes, with all items of theirs in an order of their own."""
    random, begin = np.random.default_rng(1), time.time() - 86_400
    rows = []
    for number in range(120):
        for step, each in enumerate(random.permutation(6)):
            thing = f"{'ab'[number % 2]}{each}"
            rows.append({"user": f"u{number}", "thing": thing, "at": round(begin + 3_600 * step + number, 3)})
    return rows
