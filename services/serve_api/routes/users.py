"""`/v1/users` and `/v1/sessions`: what is held about a person, its erasure, and their consent."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from headrace.subjects.subject import Subject
from serve_api.clients.acting import acting_for, token_of
from serve_api.events.turns import Turns
from serve_api.paging import ListPaging, PageQuery
from serve_api.principal import Principal
from serve_api.problems import not_found, responses, unavailable
from serve_api.services import JsonAnswer, Services, ServicesDep, UserManager
from serve_api.users.answers import ConsentBody, ConsentRow, ErasedRow, UserDataPage, record_row
from serve_api.users.subject_records import MAX_RECORDS, SHAPE
from serve_api.users.user_data import UserData

router = APIRouter(prefix="/v1", tags=["people"])

_User = Annotated[str, Path(description="A user, as events name them", min_length=1, max_length=256)]
_Session = Annotated[str, Path(description="An anonymous session, as events name it", min_length=1, max_length=256)]


class DataQuery(PageQuery):
    """Which page of what is held."""

    limit: Annotated[int, Field(ge=1, le=MAX_RECORDS, description="Records a page at most")] = MAX_RECORDS


_Page = Annotated[DataQuery, Query()]
_ERRORS = responses(401, 403, 422, 429, 503)
_MANY = responses(401, 403, 404, 422, 429, 503)
_SENT = responses(401, 403, 408, 413, 422, 429, 503)


@router.get("/users/{user:path}/data", response_model=UserDataPage, responses=_MANY)
async def user_data(
    user: _User, query: _Page, request: Request, principal: UserManager, services: ServicesDep
) -> JsonAnswer:
    """All that is held about a user, what is personal in clear.

    A page holds `limit` records at most, or some 1 MiB of them.
    """
    return await _data(user, _name_of(request, principal, user=user), query, principal, services)


@router.get("/sessions/{session:path}/data", response_model=UserDataPage, responses=_MANY)
async def session_data(
    session: _Session, query: _Page, request: Request, principal: UserManager, services: ServicesDep
) -> JsonAnswer:
    """All that is held about an anonymous session, as for a user."""
    return await _data(session, _name_of(request, principal, session=session), query, principal, services)


@router.delete("/users/{user:path}/data", status_code=202, response_model=ErasedRow, responses=_ERRORS)
async def erase_user(user: _User, request: Request, principal: UserManager, services: ServicesDep) -> JsonAnswer:
    """Erases a user: all parts are told, then the key of personal fields and the link from the user's id are destroyed.

    After a 503 ask again, until it answers. Who comes back later is somebody new.
    """
    name = _name_of(request, principal, user=user)
    return JsonAnswer(await _of(services).erase(principal.site, name), 202)


@router.delete("/sessions/{session:path}/data", status_code=202, response_model=ErasedRow, responses=_ERRORS)
async def erase_session(
    session: _Session, request: Request, principal: UserManager, services: ServicesDep
) -> JsonAnswer:
    """Erases an anonymous session, as a user."""
    name = _name_of(request, principal, session=session)
    return JsonAnswer(await _of(services).erase(principal.site, name), 202)


@router.put("/users/{user:path}/consent", status_code=202, response_model=ConsentRow, responses=_SENT)
async def user_consent(
    user: _User, body: ConsentBody, request: Request, principal: UserManager, services: ServicesDep
) -> JsonAnswer:
    """Sets whether a user lets us personalise. Answers when it is safely in Kafka; the newest counts."""
    name = _name_of(request, principal, user=user)
    return JsonAnswer(await _of(services).consent(principal.site, name, body.personalisation), 202)


@router.put("/sessions/{session:path}/consent", status_code=202, response_model=ConsentRow, responses=_SENT)
async def session_consent(
    session: _Session, body: ConsentBody, request: Request, principal: UserManager, services: ServicesDep
) -> JsonAnswer:
    """Sets whether an anonymous session lets us personalise, as for a user."""
    name = _name_of(request, principal, session=session)
    return JsonAnswer(await _of(services).consent(principal.site, name, body.personalisation), 202)


async def _data(shown: str, name: str, query: PageQuery, principal: Principal, services: Services) -> JsonAnswer:
    data, site = _of(services), principal.site
    subject: Subject | None = await data.find(site, name)
    if subject is None:
        raise not_found("nothing is held about this person", "see that the id is the one that events were sent with")
    paging = ListPaging(query, site, ("user_data", subject.id), SHAPE)
    found = await data.records(site, subject, paging.after, paging.limit)
    rows, turns = [], Turns()
    for record in found.items:
        await turns.before(0)
        rows.append(record_row(subject, record))
    page: UserDataPage = {
        "user": shown,
        "subject": subject.id,
        "features": data.features(site, subject),
        "arms": data.arms(site, subject),
        "items": rows,
        "next": paging.next(found.reached),
    }
    return JsonAnswer(page)


def _name_of(request: Request, principal: Principal, user: str | None = None, session: str | None = None) -> str:
    # With a token a session would count as its user's.
    token = token_of(request) if session is None else None
    return acting_for(principal, user, session, token).name


def _of(services: Services) -> UserData:
    if services.user_data is None:
        raise unavailable("no subject keys are set (SERVE_API_SUBJECT_KEYS), so nothing about persons is held")
    return services.user_data
