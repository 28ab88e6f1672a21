"""Which addresses an API may have: those of the public internet, or also private ones where a source says so."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NEVER = [
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, with the metadata services of clouds
        "168.63.129.16/32",  # Azure's, which is a public address
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "100.100.100.200/32",  # Alibaba's
    )
]
_PRIVATE = [
    IPv4Network(net) for net in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
]
_GLOBAL_6 = IPv6Network("2000::/3")
_NEVER_6 = [IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "3fff::/20", "fd00:ec2::/32")]
_PRIVATE_6 = [IPv6Network(net) for net in ("::1/128", "fc00::/7")]
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def is_allowed(address: str, allow_private: bool) -> bool:
    """Whether a connection may be made to an address.

    Link-local ones, with the metadata services of clouds, multicast, reserved and unspecified ones may never. An IPv6
    address that stands for an IPv4 address is judged as that.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        # Such as one with a zone, which is link-local.
        return False
    if isinstance(parsed, IPv4Address):
        return _is_allowed_4(parsed, allow_private)
    inner = _inner(parsed)
    if inner is not None:
        return _is_allowed_4(inner, allow_private)
    if any(parsed in net for net in _NEVER_6):
        return False
    return parsed in _GLOBAL_6 or (allow_private and any(parsed in net for net in _PRIVATE_6))


def _is_allowed_4(address: IPv4Address, allow_private: bool) -> bool:
    if any(address in net for net in _NEVER):
        return False
    return allow_private or not any(address in net for net in _PRIVATE)


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.scope_id is not None:
        return IPv4Address(0)
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in net for net in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour
