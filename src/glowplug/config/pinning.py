"""Connecting to a place that a request, an admin or another server named: looked up once, checked, dialled as checked.

A name that stands for a good address when it is checked and for another when it is dialled (DNS rebinding) gains
nothing: what is dialled is the address that was checked.  The name is only what the certificate is verified against.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from glowplug.config.egress import address, address_objection, host_objection

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""A host's addresses, the best first.  Raises OSError, UnicodeError."""
P = TypeVar("P", bound=asyncio.BaseProtocol)


async def resolve(host: str) -> list[str]:
    """The addresses of a host by the system's resolver.  Raises OSError, UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


async def addresses(host: str, lookup: Lookup = resolve) -> Sequence[str]:
    """Where `host` is, when nothing speaks against any of it.  Raises OSError, which says what does; UnicodeError."""
    if why := host_objection(host):
        raise OSError(f"{host} {why}")
    literal = address(host)
    found = [str(literal)] if literal is not None else await lookup(host)
    for one in found:
        parsed = address(one)
        if parsed is None:
            raise OSError(f"{host} stands for {one!r}, which is no address")
        if why := address_objection(parsed):
            raise OSError(f"{host} stands for {one}, which {why}")
    if not found:
        raise OSError(f"{host} has no address")
    return found


async def connect(
    factory: Callable[[], P],
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
    lookup: Lookup = resolve,
) -> tuple[asyncio.Transport, P]:
    """A connection to the first address of `host` that takes one.  Raises as `addresses`, and OSError as connecting."""
    loop = asyncio.get_running_loop()
    failed = OSError(f"{host} has no address")
    for one in await addresses(host, lookup):
        try:
            return await loop.create_connection(factory, one, port, ssl=tls, server_hostname=host if tls else None)
        except OSError as error:
            failed = error
    raise failed
