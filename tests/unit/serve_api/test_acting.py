"""For whom a request acts: nobody acts for another user without proof."""

import json
import time
from typing import Any

import jwt
import pytest

from serve_api.clients.acting import Acting, acting_for, proven_user
from serve_api.clients.client import LOCAL, Client
from serve_api.clients.scopes import BROWSER_SCOPES, Scope
from serve_api.clients.user_tokens import UserTokens
from serve_api.problems import Problem
from tests.api_clients import SECRET, principal_of, token

NEW_SECRET = "another-secret-of-over-32-characters"  # noqa: S105 - of the tests alone
TOKENS = UserTokens([NEW_SECRET.encode(), SECRET.encode()])
PAGE = principal_of(Client("page", "browser", BROWSER_SCOPES, tokens=TOKENS))
SERVER = principal_of(Client("shop", "server", frozenset(Scope)))


def now() -> float:
    return time.time()


def refused(*asked: Any) -> Problem:
    with pytest.raises(Problem) as problem:
        acting_for(*asked)
    return problem.value


@pytest.mark.parametrize("principal", [SERVER, principal_of(LOCAL)])
def test_a_server_acts_for_anybody(principal: Any) -> None:
    assert acting_for(principal, "42", None).name == "42"
    assert acting_for(principal, "42", "s-1") == Acting("42", "s-1")
    assert acting_for(principal, None, "s-1").name == "session:s-1"


def test_a_page_acts_for_somebody_unknown_or_for_its_proven_user() -> None:
    assert acting_for(PAGE, None, "s-1").name == "session:s-1"
    proof = token("42", now())
    assert acting_for(PAGE, "42", None, proof).name == "42"
    assert acting_for(PAGE, None, "s-1", proof) == Acting("42", "s-1")
    assert acting_for(PAGE, None, None, proof).name == "42"
    assert acting_for(PAGE, "42", None, token("42", now(), NEW_SECRET)).name == "42"


def test_another_users_id_is_refused_with_the_reason() -> None:
    unproven = refused(PAGE, "42", "s-1")
    assert (unproven.status, unproven.kind) == (403, "another-user")
    assert "x-user-token" in unproven.detail
    other = refused(PAGE, "43", None, token("42", now()))
    assert (other.status, other.kind) == (403, "another-user")


def test_a_user_cannot_be_named_as_a_session_is() -> None:
    """Or a page would speak for a session that it doesn't know, and a user for somebody unknown."""
    assert refused(SERVER, "session:s-1", None).status == 422
    assert refused(PAGE, None, None, token("session:s-1", now())).status == 401


@pytest.mark.parametrize(
    ("user", "session"), [(None, None), ("", None), ("x" * 129, None), (None, ""), (None, "x" * 129)]
)
def test_somebody_has_to_be_named(user: str | None, session: str | None) -> None:
    assert refused(SERVER, user, session).status == 422


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"exp": None}, "exp"),
    ({"iat": None}, "iat"),
    ({"sub": None}, "sub"),
    ({"aud": None}, "aud"),
    ({"aud": "another-service"}, "Audience"),
    ({"aud": ["headrace", "x"]}, "strict"),
    ({"sub": 42}, "Subject"),
    ({"sub": ""}, "sub"),
    ({"sub": "x" * 129}, "sub"),
    ({"sub": "a\nb"}, "sub"),
    ({"iat": -3_600, "exp": -600}, "expired"),
    ({"iat": 600, "exp": 1_200}, "not yet valid"),
    ({"iat": 0, "exp": 3_601}, "lasts longer"),
    ({"iat": "soon"}, "iat"),
    ({"exp": []}, "exp"),
]


@pytest.mark.parametrize(("change", "tells"), WRONG)
def test_a_token_that_proves_nothing_is_refused(change: dict[str, Any], tells: str) -> None:
    """`iat` and `exp` are in seconds from now."""
    claims = {"sub": "42", "aud": "headrace", "iat": 0, "exp": 600, **change}
    for name in ("iat", "exp"):
        if isinstance(claims[name], int):
            claims[name] += int(now())
    content = json.dumps({name: value for name, value in claims.items() if value is not None}).encode()
    problem = refused(PAGE, None, None, jwt.PyJWS().encode(content, SECRET, algorithm="HS256"))
    assert (problem.status, problem.kind) == (401, "user-not-proven")
    assert tells in problem.detail
    assert SECRET not in problem.detail


def test_a_token_that_nobody_of_ours_signed_proves_nothing() -> None:
    assert (
        "signed with none" in refused(PAGE, None, None, token("42", now(), "a-key-that-nobody-set-for-anything")).detail
    )


def test_a_token_of_another_algorithm_proves_nothing() -> None:
    claims = {"sub": "42", "aud": "headrace", "iat": int(now()), "exp": int(now()) + 60}
    unsigned = jwt.encode(claims, "", algorithm="none")
    longer = jwt.encode(claims, SECRET * 2, algorithm="HS512")
    for given in (unsigned, longer, "", "a.b.c", "x" * 5_000, token("42", now()) + "x"):
        assert refused(PAGE, None, None, given).status == 401


def test_where_no_key_of_tokens_is_set_a_token_proves_nothing() -> None:
    bare = principal_of(Client("page", "browser", BROWSER_SCOPES))
    with pytest.raises(Problem, match="no key of users' tokens"):
        proven_user(bare, token("42", now()))
    assert proven_user(bare, None) is None
