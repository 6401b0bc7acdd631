"""Which addresses a `base_url` that came through an API may name.  Pure.

A server on this machine or in the local network is what people have, so those are allowed.  Link-local addresses are
not: the metadata services of clouds, which hand out the machine's credentials, are there.  A name is not looked up
here; what it stands for is checked by whoever looks it up.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

_METADATA: Final = (
    ipaddress.ip_address("fd00:ec2::254"),
    ipaddress.ip_address("100.100.100.200"),
    ipaddress.ip_address("168.63.129.16"),
)
"""Metadata services outside the link-local ranges: AWS over IPv6, Alibaba Cloud, Azure."""
_NAMES: Final = ("metadata.google.internal", "metadata.goog", "metadata", "instance-data")


def url_objection(url: str) -> str:
    """Why this URL may not be used, or empty.  Goes on after its name: `is …`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "is not an http:// or https:// URL"
    return host_objection(host)


def host_objection(host: str) -> str:
    """Why requests may not go to this host, or empty."""
    name = host.rstrip(".").lower()
    if name in _NAMES or name.endswith(".metadata.google.internal"):
        return "is a metadata service of a cloud"
    found = address(name)
    return address_objection(found) if found is not None else ""


def address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` is, in every spelling that the resolver of the system takes (`2852039166`,
    `0xa9.254.43518`); None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)) if " " not in host else None
    except (OSError, ValueError):
        return None


def address_objection(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Why requests may not go to this address, or empty."""
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or _nat64(found)
        if inner is not None:
            return address_objection(inner)
    if found in _METADATA:
        return "is a metadata service of a cloud"
    if found.is_link_local:
        return "is a link-local address"
    if found.is_multicast or found.is_unspecified or (isinstance(found, ipaddress.IPv4Address) and found.is_reserved):
        return "is no address of a server"
    return ""


def _nat64(found: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The address behind the well-known prefix of RFC 6052."""
    return ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF) if int(found) >> 32 == 0x0064_FF9B << 64 else None
