"""Signatures of pushes are those of Standard Webhooks."""

import secrets
from base64 import b64encode

import pytest

from serve_api.push_signature import SigningKey, parse_key, sign, signer_of

# The vector of the standard's own libraries.
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = SigningKey("other", secrets.token_bytes(32))


def test_signature_is_that_of_the_standards_libraries() -> None:
    assert sign(parse_key(KEY).secret, ID, TIMESTAMP, BODY) == SIGNATURE


@pytest.mark.parametrize(
    "signatures",
    [SIGNATURE, f"v1,{'A' * 43}= {SIGNATURE}", f"v1a,{'A' * 86}== {SIGNATURE} v1,x", f"  {SIGNATURE}  "],
)
def test_any_of_the_signatures_by_any_of_the_keys_will_do(signatures: str) -> None:
    key = parse_key(KEY)
    assert signer_of([OTHER, key], ID, TIMESTAMP, BODY, signatures) is key
    assert signer_of([key], ID, TIMESTAMP, BODY, signatures) is key


@pytest.mark.parametrize(
    ("push_id", "timestamp", "body", "signatures"),
    [
        ("msg_p5jXN8AQM9LWM0D4loKWxJeK", TIMESTAMP, BODY, SIGNATURE),
        (ID, "1614265331", BODY, SIGNATURE),
        (ID, TIMESTAMP, BODY + b" ", SIGNATURE),
        (ID, TIMESTAMP, BODY, SIGNATURE.removeprefix("v1,")),
        (ID, TIMESTAMP, BODY, SIGNATURE.replace("v1,", "v1a,")),
        (ID, TIMESTAMP, BODY, SIGNATURE[:-1]),
        (ID, TIMESTAMP, BODY, SIGNATURE + "="),
        (ID, TIMESTAMP, BODY, "v1,"),
        (ID, TIMESTAMP, BODY, ""),
        (ID, TIMESTAMP, BODY, "v1,ä"),
    ],
)
def test_what_differs_by_a_byte_is_signed_by_nobody(push_id: str, timestamp: str, body: bytes, signatures: str) -> None:
    assert signer_of([OTHER, parse_key(KEY)], push_id, timestamp, body, signatures) is None


def test_key_of_another_is_none() -> None:
    assert signer_of([OTHER], ID, TIMESTAMP, BODY, SIGNATURE) is None
    assert signer_of([], ID, TIMESTAMP, BODY, SIGNATURE) is None


@pytest.mark.parametrize(
    "text",
    [
        KEY.removeprefix("whsec_"),
        f"whsec_{b64encode(b'k' * 23).decode()}",
        f"whsec_{b64encode(b'k' * 65).decode()}",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w",
        "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match="24 to 64") as raised:
        parse_key(text)
    assert text[8:] not in str(raised.value)


def test_key_is_not_shown() -> None:
    key = parse_key(KEY)
    assert "MfKQ" not in repr(key) and str(key.secret) not in repr(key)
