"""For whom a request acts: a server for anybody, a browser for an anonymous session or whom its token proves."""

from dataclasses import dataclass

from fastapi import Request

from headrace.interactions.event import person_of
from headrace.interactions.limits import MAX_ID
from headrace.subjects.subject import user_name
from serve_api.clients.user_tokens import TokenRefused
from serve_api.principal import Principal
from serve_api.problems import Fault, Problem, invalid

TOKEN_HEADER = "x-user-token"  # noqa: S105 - the header's name


@dataclass(frozen=True)
class Acting:
    """A person; of `user` and `session` one is set or both, and then it is the user who is meant.

    Attributes:
        session: the client's own name of the visit.
    """

    user: str | None
    session: str | None

    @property
    def name(self) -> str:
        """The name under which its subject is looked up."""
        return person_of(self.user, self.session)


class AnotherUser(Problem):
    """A request would act for a user that it may not act for."""

    def __init__(self, detail: str) -> None:
        super().__init__(403, "another-user", "Not this user's request", detail)


def acting_for(principal: Principal, user: str | None, session: str | None, token: str | None = None) -> Acting:
    """For whom a request acts.

    Args:
        user: as the request names them; left out, it is the one that the token proves.
        session: of somebody who isn't known, or of the user.
        token: as the request carries it (`token_of`).

    Raises:
        Problem: the token doesn't count (401), it is another's user (403), or nobody is named (422).
    """
    return acting_as(principal, user, session, proven_user(principal, token))


def token_of(request: Request) -> str | None:
    """The user's token of a request, or None."""
    return request.headers.get(TOKEN_HEADER)


def proven_user(principal: Principal, token: str | None) -> str | None:
    """The user whom a token proves; None without one.

    Raises:
        Problem: it doesn't count.
    """
    if token is None:
        return None
    if principal.client.tokens is None:
        raise _not_proven(f"no key of users' tokens is set for the client {principal.client.name}")
    try:
        return _checked(principal.client.tokens.user_of(token))
    except TokenRefused as refusal:
        raise _not_proven(str(refusal)) from None


def acting_as(principal: Principal, user: str | None, session: str | None, proven: str | None) -> Acting:
    """The same where the token was looked at before.

    Raises:
        Problem: it is another's user (403), or nobody is named or an id is none (422).
    """
    if user is not None and user != proven:
        if proven is not None:
            raise AnotherUser(f"the token of {TOKEN_HEADER} is another user's")
        if principal.client.kind == "browser":
            raise AnotherUser(
                f"a browser's key acts for a user only with a token in {TOKEN_HEADER}, which the app's backend signs; "
                "send session for somebody who isn't known"
            )
    acts = Acting(proven if user is None else user, session)
    if acts.user is None and acts.session is None:
        raise invalid(Fault("user", "nobody is named", "send user, or session for somebody who isn't known"))
    for name, value in (("user", acts.user), ("session", acts.session)):
        if value is not None and not 0 < len(value) <= MAX_ID:
            raise invalid(Fault(name, f"it has {len(value)} characters", f"send 1 to {MAX_ID}"))
    try:
        _ = acts.name
    except ValueError as error:
        raise invalid(Fault("user", str(error), "send the id of a session as session")) from None
    return acts


def _checked(user: str) -> str:
    try:
        if len(user) > MAX_ID or not user.isprintable():
            raise ValueError(f"a user id has at most {MAX_ID} characters that can be shown")
        return user_name(user)
    except ValueError as error:
        raise TokenRefused(f"its sub is no user's id: {error}") from None


def _not_proven(why: str) -> Problem:
    detail = f"{TOKEN_HEADER} proves no user: {why}"
    return Problem(401, "user-not-proven", "Not proven", detail, headers={"WWW-Authenticate": "Bearer"})
