"""Tells what of an event's context is personal, by its name or by what it looks like."""

import re
from collections.abc import Mapping
from ipaddress import IPv6Address

from headrace.interactions.records import Attribute

_WORDS = """
email mail emailaddress phone phonenumber telephone tel mobile
name firstname lastname fullname surname givenname familyname username login nickname
ip ipaddress ipv4 ipv6 remoteaddr remoteaddress clientip useragent cookie cookieid fingerprint
address streetaddress street city postcode postalcode zip zipcode
latitude longitude lat lon lng gps location geolocation
birthday birthdate dateofbirth dob age gender sex ssn passport taxid iban card cardnumber creditcard
deviceid idfa gaid advertisingid user userid customer customerid account accountid token password
"""
_NAMES = frozenset(_WORDS.split())
"""In lower case, without what joins their words."""
_LAST_WORDS = """
email mail phone telephone mobile address ip street city postcode zip zipcode latitude longitude
firstname lastname fullname surname birthday birthdate dob passport iban ssn password
"""
_LAST = frozenset(_LAST_WORDS.split())
"""What is personal whatever is said before it, as in billing_address."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_JOINTS = str.maketrans("", "", "_-. ")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_IPV4 = re.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")


def split_personal(context: Mapping[str, Attribute]) -> tuple[dict[str, Attribute], dict[str, Attribute]]:
    """What may be seen of a context, and what is personal."""
    plain: dict[str, Attribute] = {}
    personal: dict[str, Attribute] = {}
    for name, value in context.items():
        (personal if _is_personal(name, value) else plain)[name] = value
    return plain, personal


def _is_personal(name: str, value: Attribute) -> bool:
    if name.lower().translate(_JOINTS) in _NAMES or (not isinstance(value, bool) and _ends_personal(name)):
        return True
    if not isinstance(value, str):
        return False
    return ("@" in value and _EMAIL.search(value) is not None) or _IPV4.search(value) is not None or _is_ipv6(value)


def _ends_personal(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)[-2:]]
    return bool(words) and (words[-1] in _LAST or (len(words) > 1 and "".join(words) in _NAMES))


def _is_ipv6(value: str) -> bool:
    if value.count(":") < 2:
        return False
    try:
        IPv6Address(value.strip().strip("[]"))
    except ValueError:
        return False
    return True
