"""Online models on windows: predict, then learn; the same in any batches and after any crash."""

import random
from collections.abc import Iterator
from itertools import chain, pairwise
from math import sqrt
from statistics import mean

import pytest

from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.models.online import OnlineModel, online_model
from headrace.models.records import MADE
from headrace.records import Window
from headrace.streams.topology import Topology
from headrace.testing import TopologyDriver
from process_predictions.online.family import families
from process_predictions.online.rules import OnlineRules, online_id
from process_predictions.online.series import Series
from process_predictions.topology import CHANGELOG, WINDOWS, online_stage
from tests.unit.process_predictions.online_driver import (
    HOUR,
    MINUTE,
    MONDAY,
    OnlineDriver,
    champion_first,
    daily,
    next_hour,
    shipped,
    window,
)

DAY = 24


def test_hour_is_predicted_when_it_opens_and_judged_when_it_is_over() -> None:
    driver = OnlineDriver((next_hour(),))
    driver.send([window(MONDAY, 10.0), window(MONDAY, 20.0, minute=1, count=18)])
    driver.driver.run()
    assert driver.predictions() == []

    driver.send([window(MONDAY + 1, 30.0)])
    driver.driver.run()
    (prediction,) = driver.predictions()
    assert prediction.event_time == (MONDAY + 1) * HOUR
    assert prediction.due == (MONDAY + 2) * HOUR
    assert prediction.subject == "main/pump/temperature"
    assert prediction.score == (6 * 10.0 + 18 * 20.0) / 24, "the mean of the readings of the hour before"
    assert prediction.id == online_id("next", 1, ("main", "pump", "temperature"), (MONDAY + 1) * HOUR)
    assert driver.outcomes() == {}

    driver.send([window(MONDAY + 1, 40.0, minute=59), window(MONDAY + 2, 0.0)])
    driver.driver.run()
    assert driver.outcomes()[prediction.id].label == 35.0


def test_no_prediction_knows_its_hour() -> None:
    """Only the last value differs, so that all that was predicted until then must not."""
    values = daily(60)
    one, other = OnlineDriver(), OnlineDriver()
    one.feed([*values, 20.0, 20.0])
    other.feed([*values, 90.0, 20.0])
    until = (MONDAY + 60) * HOUR
    before = [
        [(each.id, each.score) for each in driver.predictions() if (each.event_time or 0) <= until]
        for driver in (one, other)
    ]
    assert before[0] == before[1]
    after = [driver.made("next_hour")[-1].prediction.score for driver in (one, other)]
    assert after[0] != after[1]


def test_it_learns_the_day() -> None:
    driver = OnlineDriver()
    driver.feed(daily(24 * 20))
    for version in (1, 2):
        made = [each for each in driver.made("next_hour", version) if each.outcome]
        labels = [each.outcome.label for each in made if each.outcome]
        late = range(len(made) // 2, len(made))
        model = mean(abs(made[at].prediction.score - labels[at]) for at in late)
        last_hour = mean(abs(labels[at - 1] - labels[at]) for at in late)
        assert model < 0.5 * last_hour, version


def test_unusual_hours_are_more_probable_where_errors_grow() -> None:
    numbers = random.Random(3)
    calm = [20 + numbers.gauss(0, 0.2) for _ in range(24 * 20)]
    storm = [20 + numbers.gauss(0, 2.0) for _ in range(24)]
    driver = OnlineDriver()
    driver.feed([*calm, *storm])
    made = driver.made("unusual_hour")
    in_calm = [each.prediction.score for each in made if (each.prediction.event_time or 0) < (MONDAY + 480) * HOUR]
    in_storm = [each.prediction.score for each in made[-20:]]
    assert 0.005 < mean(in_calm[-240:]) < 0.06
    assert mean(in_storm) > 3 * mean(in_calm[-240:])
    assert sum(bool(each.outcome and each.outcome.label) for each in made[-24:]) > 5


def test_all_variants_are_recorded_with_their_roles() -> None:
    driver = OnlineDriver()
    driver.feed(daily(3))
    assert {(each.version, each.role) for each in driver.predictions()} == {(1, "champion"), (2, "shadow")}
    driver.roles["next_hour", 1], driver.roles["next_hour", 2] = "shadow", "champion"
    driver.feed(daily(1), MONDAY + 3)
    assert {(each.version, each.role) for each in driver.predictions()[-2:]} == {(1, "shadow"), (2, "champion")}


@pytest.mark.parametrize("seed", range(3))
def test_neither_batches_nor_crashes_change_anything(seed: int) -> None:
    values = daily(80, seed=seed)
    whole, broken = OnlineDriver(), OnlineDriver()
    for driver in (whole, broken):
        driver.send(both_metrics(values))
    whole.driver.run()
    numbers = random.Random(seed)
    while broken.driver.process(iter([numbers.randint(1, 9)] * 9)):
        if numbers.random() < 0.3:
            broken.driver.crash()
        else:
            broken.driver.checkpoint()
    assert broken.content() == whole.content()
    assert broken.state() == whole.state()
    assert len(whole.outcomes()) > 300


def both_metrics(values: list[float]) -> Iterator[Window]:
    for at, value in enumerate(values):
        yield from chain(
            [window(MONDAY + at, value, minute=minute) for minute in (0, 30)],
            [window(MONDAY + at, -value, "power", minute=1)] if at % 5 else [],
        )


def test_only_final_windows_of_the_width_are_taken_and_each_once() -> None:
    driver = OnlineDriver((next_hour(),))
    driver.send(
        [
            window(MONDAY, 10.0),
            window(MONDAY, 99.0, minute=1, final=False),
            window(MONDAY, 99.0, minute=1, width=10_000_000),
            window(MONDAY, 99.0),
            window(MONDAY - 1, 99.0),
            window(MONDAY + 1, 0.0),
        ]
    )
    driver.driver.run()
    assert [each.score for each in driver.predictions()] == [10.0]
    assert (driver.rules.counts.windows, driver.rules.counts.passed_over) == (2, 2)


def test_hours_without_windows_are_not_predicted_and_not_made_up() -> None:
    driver = OnlineDriver((next_hour(),))
    driver.send([window(MONDAY, 10.0), window(MONDAY + 1, 11.0), window(MONDAY + 30, 50.0), window(MONDAY + 31, 51.0)])
    driver.driver.run()
    hours = [(each.event_time or 0) // HOUR - MONDAY for each in driver.predictions()]
    assert hours == [1, 30, 31]
    assert [each.score for each in driver.predictions()][1] == 11.0, "the last value stands"
    assert driver.predictions()[2].features["change_1"] == 0.0, "the hour before the last is not known any more"


def test_what_is_no_window_is_a_dead_letter() -> None:
    driver = OnlineDriver((next_hour(),))
    driver.driver.send(WINDOWS, b"main/pump", b"{}", [("schema", b"window.v1")])
    driver.feed([1.0, 2.0])
    (letter,) = driver.driver.outputs(DEADLETTERS)
    assert (letter.value, dict(letter.headers)["deadletter.reason"]) == (b"{}", b"invalid_record")
    assert len(driver.predictions()) == 1


def test_state_of_a_series_is_about_two_kilobytes() -> None:
    driver = OnlineDriver()
    driver.feed(daily(100))
    assert sum(map(len, driver.state().values())) <= 2_200


def test_a_changed_variant_begins_anew_and_the_others_go_on() -> None:
    one = OnlineDriver()
    one.feed(daily(200))
    (content,) = [content for key, content in one.state().items() if key.startswith(b"m")]
    changed = tuple(with_rate(model, 0.005) if model.name == "next_hour" else model for model in shipped())
    (family,) = families(changed)
    known = {learner.variant.name: learner.figures.count for learner in Series.unpack(family, content).learners()}
    judged = {each.variant.name for each in Series.unpack(family, content).close(MONDAY + 199, 20.0)}
    assert judged == {"bayesian", "errors", "tail"}, "what did not predict an hour is not judged by it"
    assert known["gradient"] == 0
    assert known["bayesian"] == 198
    assert known["errors"] > 100


def with_rate(model: OnlineModel, rate: float) -> OnlineModel:
    content = model.model_dump()
    content["variants"][0]["learning_rate"] = rate
    return online_model(content.pop("name"), content)


def test_figures_in_state_are_those_of_the_records() -> None:
    driver = OnlineDriver()
    values = daily(24 * 20)
    driver.feed(values)
    (content,) = [content for key, content in driver.state().items() if key.startswith(b"m")]
    (family,) = families(driver.models)
    figures = {learner.variant.name: learner.figures for learner in Series.unpack(family, content).learners()}
    made = [each for each in driver.made("next_hour") if each.outcome]
    errors = [each.prediction.score - each.outcome.label for each in made if each.outcome]
    naive = [before - value for before, value in pairwise(values[: len(made) + 1])]
    found = figures["gradient"]
    assert found.count == len(made)
    assert found.mean.first == pytest.approx(mean(map(abs, errors)))
    assert found.mean.base_first == pytest.approx(mean(map(abs, naive)))
    assert found.rmse == pytest.approx((sqrt(mean(e * e for e in errors)), sqrt(mean(e * e for e in naive))))
    assert found.late.first == pytest.approx(mean(map(abs, errors[-100:])), rel=0.25)
    probable = figures["errors"]
    labels = [bool(each.outcome.label) for each in driver.made("unusual_hour") if each.outcome]
    assert probable.observed == sum(labels)
    assert probable.count == len(labels)


def test_a_silent_series_is_forgotten() -> None:
    driver = OnlineDriver((next_hour(),), forget_after_s=100_000)
    driver.feed([1.0, 2.0])
    driver.driver.advance(200_000)
    driver.send([window(MONDAY, 1.0, device="other")])
    driver.driver.run()
    assert [key for key in driver.state() if key.startswith((b"o", b"m"))] == [b"onext\0main/other\0temperature"]


def test_forgetting_does_not_depend_on_batches() -> None:
    states = []
    for size in (1, None):
        driver = OnlineDriver((next_hour(),), forget_after_s=100_000)
        driver.feed([1.0, 2.0])
        driver.driver.advance(200_000)
        driver.send([window(MONDAY, 1.0, device="other"), window(MONDAY + 2, 3.0)])
        driver.driver.run(size)
        states.append((driver.state(), driver.content()))
    assert states[0] == states[1]
    assert len(states[0][1]) == 1, "it came again as a new series"


def test_only_the_open_hour_is_written_within_an_hour() -> None:
    driver = OnlineDriver()
    driver.feed(daily(10))
    before = len(driver.driver.outputs(CHANGELOG))
    driver.send([window(MONDAY + 9, 1.0, minute=5)])
    driver.driver.run()
    written = driver.driver.outputs(CHANGELOG)[before:]
    assert sum(len(each.value or b"") for each in written if each.key != b"checkpoint") < 400


def test_a_constant_metric_is_predicted_as_it_is() -> None:
    driver = OnlineDriver()
    driver.feed([7.0] * 200)
    assert {each.score for each in driver.predictions() if each.model == "next_hour"} == {7.0}


def test_two_devices_of_a_name_differ_by_site() -> None:
    driver = OnlineDriver((next_hour(),))
    sites = ("main", "other")
    driver.send([window(MONDAY + hour, float(len(site)), site=site) for hour in range(2) for site in sites])
    driver.driver.run()
    assert [(each.site, each.score) for each in driver.predictions()] == [("main", 4.0), ("other", 5.0)]
    assert len({each.id for each in driver.predictions()}) == 2


def test_recomputation_gives_the_same_ids() -> None:
    ids = []
    roles = champion_first(shipped())
    for now in (1_700_000_000_000_000, 1_800_000_000_000_000):
        rules = OnlineRules(families(shipped()), lambda name, version: roles[name, version])
        driver = TopologyDriver(Topology("again", (online_stage(rules),)), partitions=1, now_us=now)
        online = OnlineDriver()
        online.driver = driver
        online.feed(daily(60))
        ids.append([record.key for record in driver.outputs(MADE)])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])


def test_minutes_of_an_hour_weigh_by_their_readings() -> None:
    driver = OnlineDriver((next_hour(period_s=120, season=30),))
    start = MONDAY * 30
    driver.send(
        [
            window(0, 1.0, start=start * 2 * MINUTE, count=1),
            window(0, 4.0, start=start * 2 * MINUTE + MINUTE, count=2),
            window(0, 0.0, start=(start + 1) * 2 * MINUTE),
        ]
    )
    driver.driver.run()
    assert [each.score for each in driver.predictions()] == [3.0]
