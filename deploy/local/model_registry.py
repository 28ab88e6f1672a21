"""MLflow's server, in which people look at runs, versions and reports; nothing else needs it."""

from __future__ import annotations

import functools
import sys

from deploy.local import probes
from deploy.local.component import Component
from deploy.local.paths import Layout
from deploy.local.ports import Ports
from train_models.registry.mlflow_client import ENVIRONMENT


def mlflow(layout: Layout, ports: Ports, host: str) -> Component:
    """On the database and the folder that train_models writes; it answers to names of this machine alone."""
    data = layout.data("train_models")

    def prepare() -> None:
        (data / "artifacts").mkdir(parents=True, exist_ok=True)

    return Component(
        name="mlflow",
        command=(
            *(sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(ports.mlflow)),
            # One serves a person; each takes 300 MB.
            *("--workers", "1", "--allowed-hosts", f"localhost:*,{host}:{ports.mlflow}"),
            *("--backend-store-uri", f"sqlite:///{data / 'mlflow.db'}"),
            # Who trains writes artifacts to the folder itself, so that nobody can put one there through the server.
            *("--no-serve-artifacts", "--default-artifact-root", str(data / "artifacts")),
        ),
        ports={"mlflow": ports.mlflow},
        environment={**ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        # It takes some seconds of a core, so it starts when Kafka has, beside the services.
        requires=("kafka",),
        is_aside=True,
        prepare=prepare,
        ready=functools.partial(probes.http_answers, f"http://{host}:{ports.mlflow}/health"),
    )
