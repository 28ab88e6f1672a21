"""What a version's artifact says of rows, and whether it is what its training left."""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from headrace.errors import ConfigurationError
from headrace.models.artifact import Artifact
from headrace.models.inputs import Columns
from train_models.registry.hold_out import HoldOut
from train_models.registry.parity import ParityError, check_parity, frame_columns

Array = np.ndarray[Any, Any]


def score_rows(artifact: Artifact, frame: pd.DataFrame) -> Array:
    """A score for each row.

    Args:
        frame: rows of a training, which may be another version's.

    Raises:
        ConfigurationError: it takes other inputs, or its model fails on these rows.
    """
    columns = _columns(artifact, frame)
    try:
        return np.asarray(artifact.scorer.score(columns), dtype=np.float64)
    except Exception as error:
        # ONNX Runtime and scikit-learn have no common error for rows that they can't take.
        raise ConfigurationError(f"its model can't score them: {_first_line(error)}") from error


def check_scores(artifact: Artifact, hold_out: HoldOut) -> None:
    """Scores the hold-out again and compares, since nothing signs what a training left in its run's folder.

    Raises:
        ConfigurationError: a score differs by more than 1e-6, or the threshold does; says how.
    """
    expected, own = hold_out.scores.get(hold_out.chosen), artifact.manifest.threshold
    if expected is None:
        raise ConfigurationError(f"its hold-out holds no scores of {hold_out.chosen}")
    if own != hold_out.threshold:
        raise ConfigurationError(f"its threshold is {own}, and its training left {hold_out.threshold}")
    columns = _columns(artifact, hold_out.rows.frame)
    try:
        check_parity(artifact.scorer, columns, expected, threshold=None, singles=1)
    except ParityError as error:
        raise ConfigurationError(f"it does not give the scores that its training left: {error}") from error
    except Exception as error:
        raise ConfigurationError(f"its model can't score its own hold-out: {_first_line(error)}") from error


def _columns(artifact: Artifact, frame: pd.DataFrame) -> Columns:
    inputs = artifact.manifest.inputs
    if missing := [field.name for field in inputs if field.name not in frame]:
        raise ConfigurationError(f"it takes {', '.join(missing)}, which these rows lack")
    if changed := [field.name for field in inputs if field.is_numeric != is_numeric_dtype(frame[field.name])]:
        raise ConfigurationError(f"it takes {', '.join(changed)} as another kind than these rows have")
    return frame_columns(inputs, frame)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
