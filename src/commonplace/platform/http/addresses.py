"""Which addresses lie on the public internet."""

import ipaddress
from typing import Final

_EMBEDDED_IPV4: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_RESERVED: Final = frozenset({"localhost", "local", "internal", "test", "invalid", "example", "home", "lan", "onion"})


def is_public(text: str) -> bool:
    """Whether an IP address is one that a host on the public internet can have (the registries of RFC 6890)."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.sixtofour is not None or address.teredo is not None:
            return False
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address in _EMBEDDED_IPV4:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.is_global and not address.is_multicast


def is_public_host(host: str) -> bool:
    """Whether a host may be on the public internet: a name with a dot that is not reserved, or a public IP address.

    Where the name leads is known only when it is resolved: `outward.Outward` looks then.
    """
    try:
        return is_public(host)
    except ValueError:
        name = host.rstrip(".").lower()
        last = name.rpartition(".")[2]
        # A last label of digits is an IPv4 address in a spelling that resolvers know (127.1, 0x7f.1): no name.
        return "." in name and last not in _RESERVED and not last[:1].isdigit()
