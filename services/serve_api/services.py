"""What a process's routes share, and how a route asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from starlette.responses import Response

from headrace.clock import Clock
from headrace.records import AnomalyFeedback, Device
from headrace.subjects.async_subjects import AsyncSubjects
from serve_api.clients.register import ClientRegister
from serve_api.device_record_writer import DeviceRecordWriter
from serve_api.events.event_intake import EventIntake
from serve_api.events.item_intake import ItemIntake
from serve_api.events.places import EventPlaces
from serve_api.experiments.experiment_results import ExperimentResults
from serve_api.live_feed import LiveFeed
from serve_api.live_hub import LiveHub
from serve_api.metrics import Metrics
from serve_api.predictions.predictions import Predictions
from serve_api.principal import Principal, Scope, current_principal
from serve_api.push_intake import PushIntake
from serve_api.recommendations.recommendations import Recommendations
from serve_api.rows import encode
from serve_api.settings import Settings
from serve_api.store import Store
from serve_api.users.user_data import UserData


@dataclass(frozen=True)
class Services:
    """Built once by `app`; held in `app.state.services`."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    store: Store
    registry: DeviceRecordWriter[Device]
    feedback: DeviceRecordWriter[AnomalyFeedback]
    pushes: PushIntake
    hub: LiveHub
    feed: LiveFeed
    type_zones: Mapping[str, str]
    predictions: Predictions
    clients: ClientRegister
    events: EventIntake
    items: ItemIntake
    event_places: EventPlaces
    subjects: AsyncSubjects | None
    user_data: UserData | None
    recommendations: Recommendations
    experiments: ExperimentResults


def services_of(request: Request) -> Services:
    """What the process of a request shares."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:
    return services_of(request)


ServicesDep = Annotated[Services, Depends(_services)]
Reader = Annotated[Principal, Security(current_principal, scopes=[Scope.READ])]
Writer = Annotated[Principal, Security(current_principal, scopes=[Scope.WRITE])]
Pusher = Annotated[Principal, Security(current_principal, scopes=[Scope.PUSH])]
EventSender = Annotated[Principal, Security(current_principal, scopes=[Scope.EVENTS])]
Recommender = Annotated[Principal, Security(current_principal, scopes=[Scope.RECOMMEND])]
ItemWriter = Annotated[Principal, Security(current_principal, scopes=[Scope.ITEMS])]
UserManager = Annotated[Principal, Security(current_principal, scopes=[Scope.USERS])]
Experimenter = Annotated[Principal, Security(current_principal, scopes=[Scope.EXPERIMENTS])]


class JsonAnswer(Response):
    """JSON by msgspec: ten thousand rows are encoded in a few milliseconds, and checked statically as typed dicts."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return encode(content)
