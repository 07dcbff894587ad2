"""Which addresses are public, and what else a connection must pass."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import SupplierError
from pipelines.fetch.guard import check_public, is_public, public_addresses


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2a02:6b8::2:242", "2001:4860:4860::8888", "::ffff:8.8.8.8"]
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.5", "224.0.0.1", "239.1.1.1"),
        *("240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::"),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "100::1"),
        # Where clouds tell their machines secrets: Azure, Alibaba, Oracle, AWS over IPv6; and relays of 6to4.
        *("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "192.88.99.1"),
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_in_another_coat_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    assert is_public(str(ipaddress.IPv6Address((0xFFFF << 32) + number))) == is_public(str(address))
    for prefix in ("64:ff9b::", "::", "2002::"):  # NAT64, IPv4-compatible, 6to4: nothing public is only there
        shift = 80 if prefix == "2002::" else 0
        assert not is_public(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + (number << shift))))


@given(
    st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10", "224.0.0.0/4", "fc00::/7"]),
    st.data(),
)
def test_no_address_of_a_closed_network_is_public(network: str, data: st.DataObject) -> None:
    assert not is_public(str(data.draw(st.ip_addresses(network=network))))


class Resolver:
    """A name server of ours that answers differently each time it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
            for ip in addresses
        ]


@pytest.mark.parametrize(
    "addresses",
    [["8.8.8.8", "10.0.0.1"], ["2a02:6b8::2:242", "::1"], ["8.8.8.8", "::ffff:169.254.169.254"], ["64:ff9b::a00:1"]],
)
def test_one_address_inward_refuses_the_name(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(addresses))
    with pytest.raises(SupplierError, match="link_unreachable"):
        public_addresses("mixed.example", 443, allow_private=False)
    assert public_addresses("mixed.example", 443, allow_private=True) == addresses


@pytest.mark.parametrize("port", [0, 1, 21, 22, 23, 25, 53, 110, 143, 389, 445, 465, 587, 993, 2375, 3306, 5432, 6379])
def test_ports_of_other_protocols_are_refused_whatever_is_allowed(port: int) -> None:
    for allow_private in (False, True):
        with pytest.raises(SupplierError, match=f"порт {port}"):
            public_addresses("127.0.0.1", port, allow_private=allow_private)


@pytest.mark.parametrize("port", [80, 81, 443, 591, 8000, 8080, 8443, 9443, 65535])
def test_ports_of_web_servers_are_not(port: int) -> None:
    assert public_addresses("127.0.0.1", port, allow_private=True) == ["127.0.0.1"]


def test_the_address_that_was_reached_is_judged_like_one_that_was_resolved() -> None:
    check_public("a.example", "8.8.8.8", allow_private=False)
    check_public("a.example", "127.0.0.1", allow_private=True)
    with pytest.raises(SupplierError) as caught:
        check_public("a.example", "::ffff:127.0.0.1", allow_private=False)
    assert "127.0.0.1" not in str(caught.value)
