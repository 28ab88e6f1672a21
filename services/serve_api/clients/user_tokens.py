"""Tokens by which a browser proves its user: short-lived JWTs that the app's backend signs with HS256."""

from collections.abc import Sequence
from typing import Any

import jwt

AUDIENCE = "headrace"
"""So that a token for another service counts for nothing here."""
MAX_LIFE_S = 3_600
LEEWAY_S = 30
_MAX_CHARACTERS = 4_096
_REQUIRED = ["sub", "aud", "iat", "exp"]


class TokenRefused(Exception):
    """A token proves nothing; the message says why."""


class UserTokens:
    """The tokens of one client's users.

    Args:
        keys: any of which may have signed; several while they change.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def user_of(self, token: str) -> str:
        """The user that a token proves: its `sub`.

        Raises:
            TokenRefused: it is none, is not signed by a key, or doesn't count now.
        """
        if len(token) > _MAX_CHARACTERS:
            raise TokenRefused(f"it has over {_MAX_CHARACTERS:,} characters")
        claims = self._claims(token)
        if float(claims["exp"]) - float(claims["iat"]) > MAX_LIFE_S:
            raise TokenRefused(f"it lasts longer than {MAX_LIFE_S} s: make exp at most that much later than iat")
        return str(claims["sub"])

    def _claims(self, token: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    key,
                    algorithms=["HS256"],
                    audience=AUDIENCE,
                    leeway=LEEWAY_S,
                    options={"require": _REQUIRED, "strict_aud": True},
                )
                return claims
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError:
                raise TokenRefused("it has expired") from None
            except jwt.PyJWTError as error:
                raise TokenRefused(f"it doesn't count: {error}") from None
        raise TokenRefused("it is signed with none of the client's keys")
