"""Our own steps say what their names promise."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.models.steps.bounds import LARGEST, Bounds
from headrace.models.steps.date_parts import DateParts, date_parts
from headrace.models.steps.logarithm import Logarithm
from headrace.models.steps.ratio import Ratio
from headrace.models.steps.rotation import Rotation
from headrace.models.steps.rounding import Rounding


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))
def test_date_parts_are_the_calendars(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    found = {name: float(part) for name, part in date_parts(np.float64(seconds)).items()}
    assert found["days"] == seconds / 86_400
    assert (found["year"], found["month"], found["day"]) == (moment.year, moment.month, moment.day)
    assert (found["weekday"], found["hour"]) == (moment.weekday(), moment.hour)


def test_a_missing_time_has_missing_parts() -> None:
    step = DateParts(("year", "weekday"))
    found = step.fit_transform(pd.DataFrame({"when": [0.0, np.nan]}))
    assert found.tolist()[0] == [1970.0, 3.0]
    assert np.isnan(found[1]).all()
    assert list(step.get_feature_names_out()) == ["when_year", "when_weekday"]


def test_ratio_by_zero_is_missing() -> None:
    step = Ratio("price by size")
    found = step.fit_transform(np.array([[6.0, 2.0], [6.0, 0.0], [np.nan, 2.0]]))
    assert found[0, 0] == 3
    assert np.isnan(found[1:]).all()
    assert list(step.get_feature_names_out()) == ["price by size"]


def test_logarithm_keeps_signs() -> None:
    found = Logarithm().fit_transform(np.array([[np.e - 1, 1 - np.e, 0.0]]))
    assert found[0] == pytest.approx([1.0, -1.0, 0.0])


def test_bounds_keep_numbers_that_every_algorithm_takes() -> None:
    step = Bounds().fit(pd.DataFrame({"x": [1.0], "y": [2.0]}))
    found = step.transform(np.array([[np.inf, -np.inf], [1e300, 1e30], [np.nan, -1e31], [1e29, -0.5]]))
    assert np.array_equal(found, [[1e30, -1e30], [1e30, 1e30], [np.nan, -1e30], [1e29, -0.5]], equal_nan=True)
    assert np.isfinite(np.float32(LARGEST))
    assert list(step.get_feature_names_out()) == ["x", "y"]


def test_what_overflows_is_infinite_without_a_warning() -> None:
    assert Ratio("r").fit_transform(np.array([[1e300, 1e-300]])).tolist() == [[np.inf]]
    assert Rotation((45.0,)).fit_transform(np.array([[1.7e308, 1.7e308]]))[0, 0] == np.inf


def test_rotation_turns() -> None:
    step = Rotation((90.0, 45.0)).fit(pd.DataFrame({"x": [1.0], "y": [0.0]}))
    assert step.transform(np.array([[1.0, 0.0]]))[0] == pytest.approx([0.0, -1.0, 0.5**0.5, -(0.5**0.5)])
    assert list(step.get_feature_names_out()) == ["x_turned_90", "y_turned_90", "x_turned_45", "y_turned_45"]


def test_rounding_takes_last_bits_away() -> None:
    found = Rounding().fit_transform(np.array([[0.1 + 0.2, 0.3, 1e-17, -1e-17, 0.0]]))
    assert found[0, 0] == found[0, 1] == pytest.approx(0.3, abs=1e-7)
    assert found[0, 2] == found[0, 3] == found[0, 4] == 0
