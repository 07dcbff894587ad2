"""Which addresses a link may lead to: the open internet, unless private ones are allowed.

The name is resolved once and the socket is given the very address that was judged, so a name server that answers
differently the next time (DNS rebinding) gains nothing; where the socket really ended is judged once more. Every
redirect passes here again.
"""

from __future__ import annotations

import ipaddress
import logging
import socket

from pipelines.errors import SupplierError

log = logging.getLogger(__name__)

# Global unicast as IANA hands it out; everything else of IPv6 is local, mapped, translated or reserved.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
# Addresses of the open internet at which a cloud answers its own machines only, with their secrets.
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
# Protocols' own (Oracle's cloud answers in it), and relays of 6to4; older versions of Python take them for global.
_SPECIAL = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))
_ADDRESSES_TRIED = 4
# Ports of other protocols, which a request may be made to speak to: those that no browser opens (Fetch Standard, «port
# blocking»), and of databases and machines' own services that are often left open.
_CLOSED_PORTS = frozenset(
    {
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104),
        *(109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526),
        *(530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659),
        *(4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
        *(445, 1433, 1521, 2375, 2376, 2379, 3306, 3389, 5432, 5672, 6379, 9042, 9200, 10250, 11211, 27017),
    }
)


def public_addresses(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Addresses of a host to connect to, in the order of the resolver.

    Raises:
        SupplierError: `link_unreachable`, the name leads to an address that is not public, or the port is that of
            another protocol. It is the supplier's error, not the operator's: whoever owns the name decides where it
            leads, at any time.
        OSError: the name does not resolve.
    """
    if port in _CLOSED_PORTS:
        raise SupplierError("link_unreachable", detail=f"порт {port} не для веб-сервера")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))[:_ADDRESSES_TRIED]
    for address in addresses:
        check_public(host, address, allow_private=allow_private)
    return addresses


def check_public(host: str, address: str, *, allow_private: bool) -> None:
    """Refuse an address of a host that is not public: one that it resolves to, or one that a socket really reached.

    Raises:
        SupplierError: `link_unreachable`.
    """
    if allow_private or is_public(address):
        return
    # The address itself stays with us: it may tell about the network we are in.
    log.warning(
        "refused to connect to %r at %s: not a public address; "
        "CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS=1 or --allow-private permits it",
        host,
        address,
    )
    raise SupplierError("link_unreachable", detail=f"узел {host[:100]} не в открытой сети")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        return ip in _GLOBAL_IPV6 and ip.is_global and ip.sixtofour is None
    special = ip in _METADATA or any(ip in network for network in _SPECIAL)
    return ip.is_global and not ip.is_multicast and not special
