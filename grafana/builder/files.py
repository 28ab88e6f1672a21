"""The dashboards as the files that are committed."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.builder.anomalies import anomalies
from grafana.builder.devices import devices
from grafana.builder.loading import loading
from grafana.builder.models import models
from grafana.builder.pipeline import pipeline
from grafana.builder.recommendations import recommendations

FOLDER = Path(__file__).resolve().parents[1] / "dashboards"


def dashboard_files() -> dict[str, str]:
    """File name → content, for every dashboard."""
    boards = {"pipeline": pipeline(), "devices": devices(), "anomalies": anomalies()}
    boards |= {"sources": loading(), "models": models(), "recommendations": recommendations()}
    return {
        f"{name}.json": json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for name, board in boards.items()
    }
