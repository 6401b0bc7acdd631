"""A D-Bus connection that never waits for ever, and errors that say what is wrong with it."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Any

from jeepney.auth import AuthenticationError
from jeepney.io.blocking import DBusConnection, prep_socket
from jeepney.low_level import HeaderFields, Message, MessageType

Properties = list[tuple[str, tuple[str, Any]]]
"""Names and typed values, the D-Bus signature a(sv)."""


class BusError(Exception):
    """The bus, or who was asked over it, did not do it."""

    def __init__(self, message: str, name: str = "", *, lost: bool = False, silent: bool = False) -> None:
        super().__init__(message)
        self.name = name.removeprefix("org.freedesktop.systemd1.").removeprefix("org.freedesktop.DBus.Error.")
        """The D-Bus error, or empty when nothing answered."""
        self.lost = lost or silent
        """The connection cannot be used any more."""
        self.silent = silent
        """There was no answer in time."""


class Connection(DBusConnection):
    """Also the greeting, which every connection begins with, has a time limit: `patience`, in seconds."""

    def __init__(self, sock: socket.socket, patience: float, *, fds: bool = False) -> None:
        self._patience = patience
        super().__init__(sock, enable_fds=fds)

    def send_and_get_reply(self, message: Message, *, timeout: float | None = None) -> Message:
        patience = self._patience if timeout is None else timeout
        reply: Message = super().send_and_get_reply(message, timeout=patience)  # type: ignore[no-untyped-call]
        return reply

    def receive_waiting(self) -> None:
        """Take in everything that has arrived; what a filter matches is in its queue then.  Raises BusError."""
        try:
            while True:
                self.recv_messages(timeout=0)  # type: ignore[no-untyped-call]
        except TimeoutError:
            return
        except OSError as error:
            raise BusError(f"the bus was lost: {error.strerror or error}", lost=True) from error

    def close(self) -> None:
        super().close()  # type: ignore[no-untyped-call]


def connect(address: str, patience: float, *, fds: bool = False) -> Connection:
    """Connect to the bus at the first `unix:path=` of `address`.  `fds`: to send and receive open files.

    Raises BusError.
    """
    path = next((part.removeprefix("unix:path=") for part in address.split(";") if part.startswith("unix:path=")), "")
    if not path:
        raise BusError(f"the bus is at {address or 'no known address'}, and only unix:path= is spoken", lost=True)
    with ExitStack() as undo:
        try:
            sock = prep_socket(path.partition(",")[0], fds, timeout=patience)
            undo.callback(sock.close)
            connection = Connection(sock, patience, fds=fds)
        except AuthenticationError as error:
            raise BusError(f"the bus does not let us in: {error}", lost=True) from error
        except TimeoutError:
            raise BusError(f"the bus does not answer within {patience:g} s", silent=True) from None
        except OSError as error:
            raise BusError(f"the bus cannot be reached: {error.strerror or error}", lost=True) from error
        undo.pop_all()
    return connection


def answer(connection: Connection, message: Message, patience: float) -> Any:
    """The body of the reply to a method call.  Raises BusError."""
    try:
        reply = connection.send_and_get_reply(message, timeout=patience)
    except TimeoutError:
        raise BusError(f"no answer within {patience:g} s", silent=True) from None
    except OSError as error:
        raise BusError(f"the bus was lost: {error.strerror or error}", lost=True) from error
    except UnicodeEncodeError as error:
        raise BusError("only text in UTF-8 can be said over D-Bus") from error
    if reply.header.message_type is MessageType.error:
        name = str(reply.header.fields.get(HeaderFields.error_name, ""))
        raise BusError(str(reply.body[0]) if reply.body else name, name)
    return reply.body
