"""Keeps the tests of this process on loopback.

Python's own sockets are watched by an audit hook (PEP 578).  uvloop opens its sockets in C, past the hook, so the
methods of its loop that take a host are wrapped.  Programs that a test starts are not watched.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvloop

_UNRESOLVABLE = (".invalid", ".test")
"""Names that nobody may ever own (RFC 6761): looked up here, they fail as they would there, without a packet."""


class NetworkForbidden(AssertionError):
    """A test tried to leave loopback.  Not an OSError, so that no fallback under test can hide it."""


def is_loopback(host: object) -> bool:
    """True for addresses of this machine's loopback, and for the name localhost."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def check(host: object, what: str) -> None:
    """Raise NetworkForbidden unless `host` is on loopback; socket.gaierror for a name that cannot exist."""
    if is_loopback(host):
        return
    if isinstance(host, str) and host.endswith(_UNRESOLVABLE):
        raise socket.gaierror(socket.EAI_NONAME, f"no such host: {host}")
    raise NetworkForbidden(f"a test tried to {what} {host!r}; tests stay on loopback (127.0.0.1, ::1)")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.bind", "socket.sendto"):
        connection, address = arguments
        if connection.family in (socket.AF_INET, socket.AF_INET6) and address is not None:
            check(address[0], event.removeprefix("socket.") + " to")
    elif event == "socket.getaddrinfo" and arguments[0] is not None:
        check(arguments[0], "look up")


def _guarded(method: Callable[..., Any], position: int, what: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        host = named["host"] if "host" in named else arguments[position] if len(arguments) > position else None
        for one in host if isinstance(host, (list, tuple)) else (host,):
            if one is not None:
                check(one, what)
        return method(*arguments, **named)

    return call


@functools.cache
def forbid() -> None:
    """From here on this process stays on loopback; an audit hook cannot be taken back."""
    sys.addaudithook(_audit)
    for name, position, what in (
        ("create_connection", 2, "connect to"),
        ("create_server", 2, "listen on"),
        ("getaddrinfo", 1, "look up"),
    ):
        setattr(uvloop.Loop, name, _guarded(getattr(uvloop.Loop, name), position, what))
