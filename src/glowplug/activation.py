"""The listening socket that a service manager opened for us: sd_listen_fds(3), without a library.

The manager holds the socket too, so clients of a server that starts again, or is not started yet, wait instead of being
refused.
"""

from __future__ import annotations

import socket
from collections.abc import MutableMapping
from typing import Final

from glowplug.errors import ConfigError

FIRST: Final = 3
"""SD_LISTEN_FDS_START: the first descriptor that is handed over."""
_VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


def handed_over(environment: MutableMapping[str, str], pid: int, first: int = FIRST) -> socket.socket | None:
    """The socket that was opened for the process `pid`, or None.

    The variables that say so are taken out of `environment`: no child may take them for its own.  Raises ConfigError
    for more than one socket, and for one that does not listen on TCP.
    """
    count, whose, _ = (environment.pop(name, "") for name in _VARIABLES)
    if whose != str(pid) or count in ("", "0"):
        return None
    if count != "1":
        raise ConfigError(
            f"the service manager handed over {count} sockets, and one is served",
            hint="leave one ListenStream= in the .socket unit",
        )
    try:
        given = socket.socket(fileno=first)
    except OSError as error:
        raise ConfigError(
            f"the service manager's socket cannot be used: {error.strerror}", hint="look at the .socket unit"
        ) from None
    tcp = given.family in (socket.AF_INET, socket.AF_INET6) and given.type == socket.SOCK_STREAM
    if not tcp or not given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        given.detach()
        raise ConfigError(
            "the service manager's socket does not listen on a TCP port",
            hint="write ListenStream=127.0.0.1:4000 and Accept=no in the .socket unit",
        )
    given.set_inheritable(False)
    return given
