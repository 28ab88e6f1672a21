"""A topic's rows scored by what is promoted, each once, and each as the API would."""

import random
from pathlib import Path

import pytest

from headrace.errors import TransientError
from headrace.models.inputs import Input
from headrace.models.records import MADE
from headrace.models.shares import share_of
from tests.served_models import INPUTS, ROW, score_of
from tests.unit.process_predictions.scoring_driver import MODEL, ScoringDriver

ROWS = [{**ROW, "Call  Failure": failures, "line": f"l{failures}"} for failures in range(20)]


def test_rows_are_scored_by_the_champion(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line", subject="line", time="since")
    driver.promote(driver.maker.make(weight=0.5))
    driver.send(*ROWS)
    driver.driver.run()
    made = driver.predictions()
    assert [each.id for each in made] == [row["line"] for row in ROWS]
    assert [each.score for each in made] == pytest.approx([score_of(row, 0.5) for row in ROWS], abs=1e-12)
    assert [each.decision for each in made] == [each.score >= 0.5 for each in made]
    first = made[0]
    assert (first.model, first.version, first.role, first.subject) == (MODEL, 1, "champion", "l0")
    assert first.features == {
        "Call  Failure": 0.0,
        "plan": "gold",
        "active": True,
        "since": "2026-01-31T12:00:00.000000Z",
    }
    assert first.event_time == 1_769_860_800_000_000


def test_rows_that_do_not_fit_are_dead_letters_and_the_others_go_on(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line")
    driver.promote(driver.maker.make())
    without = {name: value for name, value in ROWS[1].items() if name != "plan"}
    driver.send(ROWS[0], b"{", b"[1]", without, {**ROWS[2], "active": "yes"}, {**ROWS[3], "line": None}, None, ROWS[4])
    driver.driver.run(3)
    assert [each.id for each in driver.predictions()] == ["l0", "l4"]
    assert driver.refusals()[2:] == [
        "column plan: it has no value, and the model needs one; "
        "give a text, or a number or boolean that stands for one",
        "column active: input should be a valid boolean; give true or false",
        "column line is no text of 1 to 200 characters and no whole number",
    ]
    assert all("JSON object" in detail for detail in driver.refusals()[:2])


def test_other_columns_and_missing_ones_that_may_be_are_fine(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line")
    driver.promote(driver.maker.make())
    row = {name: value for name, value in ROWS[1].items() if name != "since"}
    driver.send({**row, "other": [1, 2]})
    driver.driver.run()
    assert driver.predictions()[0].features["since"] is None


def test_rows_wait_until_a_version_is_promoted(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line")
    driver.send(*ROWS)
    with pytest.raises(TransientError, match="headrace models promote usage"):
        driver.driver.run()
    driver.promote(driver.maker.make())
    driver.driver.run()
    assert len(driver.predictions()) == len(ROWS)


def test_a_promotion_swaps_between_batches(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line")
    one, two = driver.maker.make(weight=0.5), driver.maker.make(weight=-0.5)
    driver.promote(one)
    driver.send(*ROWS)
    driver.driver.process(iter([8]))
    driver.driver.checkpoint()
    driver.driver.crash()
    driver.promote(two, before=(one,))
    driver.send(*ROWS)
    driver.driver.run()
    versions = [each.version for each in driver.predictions()]
    assert versions == [1] * versions.count(1) + [2] * versions.count(2)
    assert min(versions.count(1), versions.count(2)) >= 8
    late = driver.predictions()[-1]
    assert late.score == pytest.approx(score_of(ROWS[-1], -0.5), abs=1e-12)


def test_canary_scores_its_share_and_shadow_scores_all(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line")
    champion, canary, shadow = (driver.maker.make(weight=weight) for weight in (0.1, 0.2, 0.3))
    driver.promote(champion, canary=canary, canary_share=0.4, shadow=shadow)
    driver.send(*ROWS)
    driver.driver.run()
    roles = {(each.id, str(each.role)): each.version for each in driver.predictions()}
    for one in (str(row["line"]) for row in ROWS):
        answering = "canary" if share_of(MODEL, one) < 0.4 else "champion"
        assert roles.pop((one, answering)) == (2 if answering == "canary" else 1)
        assert roles.pop((one, "shadow")) == 3
    assert roles == {}


def test_rows_that_a_trial_does_not_take_are_the_champions(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line")
    narrow = (Input("Call  Failure", "number", maximum=5), *INPUTS[1:])
    champion, trial = driver.maker.make(), driver.maker.make(inputs=narrow)
    driver.promote(champion, canary=trial, canary_share=1.0, shadow=trial)
    driver.send(*ROWS)
    driver.driver.run()
    by_role = {role: [each.id for each in driver.predictions() if each.role == role] for role in ("champion", "canary")}
    assert by_role == {"champion": [f"l{n}" for n in range(6, 20)], "canary": [f"l{n}" for n in range(6)]}
    assert driver.refusals() == []


def test_without_an_id_column_the_position_is_the_id(tmp_path: Path) -> None:
    ids = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        driver = ScoringDriver(tmp_path / name)
        driver.promote(driver.maker.make())
        driver.send(*ROWS, *ROWS)
        driver.driver.run(random.Random(name).randint(1, 9))
        ids.append([each.id for each in driver.predictions()])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2 * len(ROWS)


def test_each_row_is_scored_once_whatever_crashes(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line")
    driver.promote(driver.maker.make())
    driver.send(*ROWS)
    numbers = random.Random(1)
    while driver.driver.process(iter([numbers.randint(1, 4)] * 30)):
        if numbers.random() < 0.5:
            driver.driver.crash()
        else:
            driver.driver.checkpoint()
    assert [each.id for each in driver.predictions()] == [row["line"] for row in ROWS]
    assert [stored.key for stored in driver.driver.outputs(MADE)] == [str(row["line"]).encode() for row in ROWS]


def test_a_version_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path, id="line")
    good, tampered = driver.maker.make(), driver.maker.make()
    (Path(tampered.uri) / "model.onnx").write_bytes(b"cos\nsystem\n")
    driver.send(ROWS[0])
    driver.promote(tampered)
    with pytest.raises(TransientError, match="was changed"):
        driver.driver.run()
    driver.promote(good)
    driver.promote(tampered, before=(good,))
    assert driver.counts.loads == {(MODEL, "refused"): 2, (MODEL, "loaded"): 1}
    driver.driver.run()
    assert [each.version for each in driver.predictions()] == [good.version]
