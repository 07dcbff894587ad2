"""Which addresses a link may lead to: the open internet, unless private ones are allowed.

The name is resolved once and the socket is given the very address that was judged, so a name server that answers
differently the next time (DNS rebinding) gains nothing. Every redirect passes here again.
"""

from __future__ import annotations

import ipaddress
import logging
import socket

from pipelines.errors import SupplierError

log = logging.getLogger(__name__)

# Global unicast as IANA hands it out; everything else of IPv6 is local, mapped, translated or reserved.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_ADDRESSES_TRIED = 4


def public_addresses(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Addresses of a host to connect to, in the order of the resolver.

    Raises:
        SupplierError: `link_unreachable`, the name leads to an address that is not public. It is the supplier's error,
            not the operator's: whoever owns the name decides where it leads, at any time.
        OSError: the name does not resolve.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))[:_ADDRESSES_TRIED]
    private = [] if allow_private else [address for address in addresses if not is_public(address)]
    if private:
        # The address itself stays with us: it may tell about the network we are in.
        log.warning(
            "refused to connect to %r at %s: not a public address; "
            "CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS=1 or --allow-private permits it",
            host,
            private[0],
        )
        raise SupplierError("link_unreachable", detail=f"узел {host[:100]} не в открытой сети")
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        return ip in _GLOBAL_IPV6 and ip.is_global and ip.sixtofour is None
    return ip.is_global and not ip.is_multicast
