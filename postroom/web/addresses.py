"""Which addresses may be connected to: public ones, whatever they are wrapped in."""

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from postroom.errors import SourceError, TemporaryError

Address = IPv4Address | IPv6Address
#: family, kind, protocol, canonical name, address: as socket.getaddrinfo has them.
Answer = tuple[Any, Any, int, str, Any]
Resolve = Callable[..., list[Answer]]

#: Not public by their registration, though older versions of Python hold some for global.
_SPECIAL = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
            "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20",
        ),
    )
)  # fmt: skip
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
#: RFC 5214: an IPv4 address behind these four bytes.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


class PrivateAddressError(SourceError):
    """The host's address is none of the public internet."""


def is_public(address: Address) -> bool:
    """Whether it is global unicast, and all that it wraps as well."""
    return all(_is_global(each) for each in _unwrapped(address))


def resolved(host: str, port: int, resolve: Resolve, *, allowed: bool, remedy: str) -> list[Answer]:
    """All addresses of a host; an error unless each of them is public or the host is `allowed`.

    `remedy` says what to do where a private one is meant.
    """
    try:
        answers = resolve(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as e:
        if e.errno == socket.EAI_NONAME:
            raise SourceError(f"{host}: there is no host of this name") from e
        raise TemporaryError(f"{host}: its address cannot be found: {e.strerror}") from e
    except (UnicodeError, ValueError) as e:
        raise SourceError(f"{host}: no host can have this name") from e
    for _, _, _, _, (name, *_) in answers:
        if not allowed and not is_public(ip_address(name)):
            raise PrivateAddressError(
                f"{host} has the address {name}, which is not of the public internet: {remedy}"
            )
    return answers


def _unwrapped(address: Address) -> Iterator[Address]:
    """The address, or the IPv4 addresses that it carries traffic to."""
    if isinstance(address, IPv4Address):
        yield address
        return
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped or address in _NAT64:
        yield low
    elif address.sixtofour:
        yield address.sixtofour
    elif address.teredo:
        yield from address.teredo
    else:
        yield address
        if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
            yield low


def _is_global(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return False
    special = any(address in network for network in _SPECIAL if network.version == address.version)
    return address.is_global and not address.is_multicast and not special
