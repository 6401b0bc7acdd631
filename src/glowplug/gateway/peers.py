"""Clients that vanish without a word: a cable is pulled, a machine sleeps, a network is left.

TCP does not tell, so the kernel is asked to look (tcp(7)): at a connection on which nothing comes, by keep-alive probes
(a client that waits for its answer sends nothing for long); at one with bytes under way, by how long they stay
unacknowledged.  Either ends in `connection_lost`, which frees the upstream like any client that leaves.
"""

from __future__ import annotations

import socket
from typing import Final

DEAD_AFTER: Final = 30.0
"""Seconds without a sign of life, at most, until a client counts as gone."""
_PROBES: Final = 3


def notice_the_dead(listener: socket.socket, within: float = DEAD_AFTER) -> None:
    """Have every connection that this TCP socket accepts end `within` seconds after its client vanished.

    Accepted sockets inherit these options, so they cost a connection nothing.  Systems other than Linux lack some of
    them; there the kernel's own bounds hold (macOS and the BSDs probe after two hours).
    """
    if listener.family not in (socket.AF_INET, socket.AF_INET6):
        return
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    half = max(1, int(within / 2))
    every = max(1, int(within / 2 / _PROBES))
    for name, value in (
        ("TCP_KEEPIDLE", half),
        ("TCP_KEEPINTVL", every),
        ("TCP_KEEPCNT", _PROBES),
        ("TCP_USER_TIMEOUT", int(within * 1000)),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            listener.setsockopt(socket.IPPROTO_TCP, option, value)
