"""The control process's end of the link to the gateway workers (`glowplug.wire.link` has the messages).

A worker's connection and a worker's life are two things: when the connection closes and the process lives, the worker
goes on serving what it was granted, so it keeps its grants here too until it comes back or its process has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from glowplug.clock import Clock
from glowplug.domain.snapshot import Snapshot
from glowplug.errors import StoreError
from glowplug.usecases.status import WorkerView
from glowplug.wire.exposition import Families
from glowplug.wire.link import (
    PROTOCOL,
    Activity,
    Drained,
    Ensure,
    Explained,
    FrameError,
    Frames,
    Held,
    Hello,
    KeepResponse,
    KeysUsed,
    Logged,
    Met,
    Rehash,
    Scraped,
    SetSnapshot,
    Suspect,
    ToControl,
    ToWorker,
    Waiting,
    decode_to_control,
    encode,
)

_log = logging.getLogger(__name__)

_MOST_UNSENT = 64 << 20
_CREDENTIALS = struct.Struct("3i")


class Manager(Protocol):
    """The part of the lifecycle manager that workers talk to."""

    def worker_joined(self, worker: str, held: tuple[Held, ...]) -> None: ...

    def worker_left(self, worker: str) -> None: ...

    def ensure(self, worker: str, model: str, waiting: int, priority: int = 0, *, evict: bool = True) -> None: ...

    def waiting(self, worker: str, model: str, waiting: int) -> None: ...

    def activity(self, worker: str, instance: str, busy: bool, keep_alive: float | None = None) -> None: ...

    def drained(self, worker: str, instance: str) -> None: ...

    def suspect(self, instance: str, why: str) -> None: ...


def _nobody_asked(_worker: str, _ask: int, _families: Families) -> None:
    """What a worker counts, and nobody wants to know."""


def _nobody_wonders(_worker: str, _explained: Explained) -> None:
    """What would happen to a request, and nobody asked."""


def _nobody_reads(_logged: Logged) -> None:
    """A request with its answer, and no log of requests."""


class _Worker:
    """One worker process, connected or not."""

    def __init__(self, name: str, pid: int, pidfd: int) -> None:
        self.name = name
        self.pid = pid
        self.pidfd = pidfd
        self.connection: _Connection | None = None
        self.since = 0.0


class LinkServer:
    """Listens on the link socket, keeps the workers apart and passes on what they say.

    `keys_used` stores when API keys were used; `stirred` is called when the journal probably has news; `noticed` is
    told which worker joined (True) or ended (False); `scraped` is given what a worker counts, by its name and the
    number it was asked with; `keep` is given responses to keep; `logged` stores a request with its answer.
    """

    def __init__(
        self,
        path: Path,
        manager: Manager,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        *,
        keys_used: Callable[[dict[str, float]], None],
        stirred: Callable[[], None],
        noticed: Callable[[str, bool], None],
        scraped: Callable[[str, int, Families], None] = _nobody_asked,
        keep: Callable[[KeepResponse], None] = lambda _: None,
        logged: Callable[[Logged], None] = _nobody_reads,
    ) -> None:
        self._path = path
        self._manager = manager
        self._snapshot = snapshot
        self._clock = clock
        self._keys_used = keys_used
        self._stirred = stirred
        self._noticed = noticed
        self._scraped = scraped
        self._keep = keep
        self._logged = logged
        self.rehash: Callable[[str, bytes], None] = lambda _key, _digest: None
        """Is told the keyed hash of a key from elsewhere that was used."""
        self.met: Callable[[str, str, float], None] = lambda _key, _agent, _at: None
        """Is told the id of a key, the program that came with it for the first time, and when (unix seconds)."""
        self.explained: Callable[[str, Explained], None] = _nobody_wonders
        """Is told what would happen to a request, by the name of the worker that says so."""
        self._workers: dict[str, _Worker] = {}
        self._connections: set[_Connection] = set()
        self._server: asyncio.AbstractServer | None = None
        self._inode = 0

    async def start(self) -> None:
        """Listen, mode 0600.  Raises StoreError when the socket cannot be made."""
        try:
            self._path.unlink(missing_ok=True)
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listening.bind(str(self._path))
            self._path.chmod(stat.S_IRUSR | stat.S_IWUSR)
            self._inode = self._path.stat().st_ino
        except OSError as error:
            raise StoreError(
                f"the socket {self._path} cannot be made: {error.strerror or error}", hint="check its directory"
            ) from None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Connection(self), sock=listening)

    def close(self) -> None:
        """Stop listening and let go of all workers, which go on without us."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with contextlib.suppress(OSError):
                # A control process that was started after us may have put its own socket there.
                if self._path.stat().st_ino == self._inode:
                    self._path.unlink()
        for worker in tuple(self._workers.values()):
            self._forget(worker)
        for connection in tuple(self._connections):
            connection.close()

    def views(self) -> tuple[WorkerView, ...]:
        """The workers, for the status."""
        return tuple(
            WorkerView(worker=w.name, pid=w.pid, connected=w.connection is not None, since=w.since)
            for w in self._workers.values()
        )

    def broadcast(self, message: ToWorker) -> None:
        """To every worker that is connected; the others are told the state of things when they come back."""
        data = encode(message)
        for worker in tuple(self._workers.values()):
            if worker.connection is not None:
                worker.connection.write(data)

    def send(self, worker: str, message: ToWorker) -> None:
        """To one worker, if it is connected."""
        found = self._workers.get(worker)
        if found is not None and found.connection is not None:
            found.connection.write(encode(message))

    # ---- called by connections

    def opened(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def joined(self, connection: _Connection, hello: Hello) -> _Worker:
        """A worker says who it is.  Raises FrameError for one that is not what it says."""
        if hello.protocol != PROTOCOL:
            raise FrameError(f"it speaks protocol {hello.protocol}, and this release speaks {PROTOCOL}")
        if hello.pid != connection.peer_pid:
            raise FrameError(f"it says that its process id is {hello.pid}, and it is {connection.peer_pid}")
        worker = self._workers.get(hello.worker)
        if worker is None:
            try:
                pidfd = os.pidfd_open(hello.pid)
            except OSError as error:
                raise FrameError(f"its process {hello.pid} cannot be watched: {error}") from None
            worker = _Worker(hello.worker, hello.pid, pidfd)
            self._workers[hello.worker] = worker
            asyncio.get_running_loop().add_reader(pidfd, self._ended, worker)
        elif worker.pid != hello.pid:
            raise FrameError(f"the name {hello.worker} belongs to process {worker.pid}")
        elif worker.connection is not None:
            worker.connection.close()
        worker.connection, worker.since = connection, self._clock.unix()
        connection.write(encode(SetSnapshot(self._snapshot())))
        self._manager.worker_joined(worker.name, hello.held)
        self._stirred()
        self._noticed(worker.name, True)
        return worker

    def received(self, worker: _Worker, message: ToControl) -> None:
        """Pass on what a worker says."""
        manager, name = self._manager, worker.name
        match message:
            case Ensure(model, waiting, priority, evict):
                manager.ensure(name, model, waiting, priority, evict=evict)
            case Waiting(model, waiting):
                manager.waiting(name, model, waiting)
            case Activity(instance, busy, keep_alive):
                manager.activity(name, instance, busy, keep_alive)
                self._stirred()
            case Drained(instance):
                manager.drained(name, instance)
            case Suspect(instance, why):
                manager.suspect(instance, why)
            case KeysUsed(keys):
                self._keys_used(keys)
                self._stirred()
            case Rehash(key, digest):
                self.rehash(key, digest)
            case Met(key, agent, at):
                self.met(key, agent, at)
            case Logged():
                self._logged(message)
            case Scraped(ask, families):
                self._scraped(name, ask, families)
            case Explained():
                self.explained(name, message)
            case KeepResponse():
                self._keep(message)
            case Hello():
                raise FrameError("it said hello twice")

    def closed(self, connection: _Connection, worker: _Worker | None) -> None:
        self._connections.discard(connection)
        if worker is not None and worker.connection is connection:
            worker.connection, worker.since = None, self._clock.unix()
            self._stirred()

    def _ended(self, worker: _Worker) -> None:
        connection = worker.connection
        self._forget(worker)
        if connection is not None:
            connection.close()
        self._manager.worker_left(worker.name)
        self._stirred()
        self._noticed(worker.name, False)

    def _forget(self, worker: _Worker) -> None:
        asyncio.get_running_loop().remove_reader(worker.pidfd)
        os.close(worker.pidfd)
        del self._workers[worker.name]


class _Connection(asyncio.Protocol):
    """One connection of one worker."""

    def __init__(self, server: LinkServer) -> None:
        self._server = server
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._worker: _Worker | None = None
        self.peer_pid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface and not the base class.
        self._transport = cast(asyncio.Transport, transport)
        self._server.opened(self)
        self.peer_pid, user = _peer(self._transport)
        if user != os.geteuid():
            self._refuse(f"it belongs to user id {user}")

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.feed(data):
                if self._transport is None:
                    return
                message = decode_to_control(body)
                if self._worker is not None:
                    self._server.received(self._worker, message)
                elif isinstance(message, Hello):
                    self._worker = self._server.joined(self, message)
                else:
                    raise FrameError(f"its first message is {type(message).__name__}, not Hello")
        except FrameError as error:
            self._refuse(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.closed(self, self._worker)

    def write(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > _MOST_UNSENT:
            self._refuse("it does not read what it is sent")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self, why: str) -> None:
        name = self._worker.name if self._worker else f"process {self.peer_pid}"
        _log.error("the link to worker %s is closed: %s", name, why)
        self.close()


def _peer(transport: asyncio.Transport) -> tuple[int, int]:
    """Process id and user id of who connected (SO_PEERCRED, unix(7))."""
    duplicate = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
    with duplicate:
        data = duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user, _ = _CREDENTIALS.unpack(data)
    return pid, user
