"""The hold-out: rows that no fit, search, choice or threshold has seen. They are scored once."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from headrace.errors import ConfigurationError
from train_models.choice.fitting import predict
from train_models.choice.run_store import RunStore, Stored
from train_models.training_result import TrainingRows

Array = np.ndarray[Any, Any]

_USE, _SCORES = "hold_out_use", "hold_out_scores"


class HoldOut:
    """Gives scores of the hold-out's rows, never the rows.

    The use is recorded before the rows are touched. A run that goes on after its use gets the recorded scores; with
    other models it is refused, as a second look would make the hold-out one more fold to choose by.
    """

    def __init__(self, rows: TrainingRows, store: RunStore) -> None:
        self._rows = rows
        self._store = store
        self._is_used = False

    def score_once(self, models: Mapping[str, Any], made_of: Mapping[str, Any]) -> dict[str, Array]:
        """Scores of all models that are to be judged, in one call.

        Args:
            models: name → fitted pipeline.
            made_of: what JSON can hold, by which the same models are recognised in a run that goes on.

        Raises:
            ConfigurationError: the hold-out is used already, by this object or by other models.
        """
        if self._is_used:
            raise ConfigurationError("the hold-out is used already: it judges once, after all choices are made")
        self._is_used = True
        use = json.loads(json.dumps({"models": sorted(models), "made_of": made_of}))
        recorded = self._store.load(_USE)
        if recorded is None:
            self._store.save(_USE, Stored(use, {}))
        elif recorded.about != use:
            raise ConfigurationError(
                "the hold-out of this run is used already, by other models; train in an empty folder, and on newer "
                "rows if the choice was made by what this hold-out said"
            )
        scored = self._store.load(_SCORES)
        if scored is None:
            found = {name: predict(model, self._rows.frame) for name, model in models.items()}
            scored = Stored({"names": list(found)}, {f"scores_{at}": each for at, each in enumerate(found.values())})
            self._store.save(_SCORES, scored)
        return {name: scored.arrays[f"scores_{at}"] for at, name in enumerate(scored.about["names"])}
