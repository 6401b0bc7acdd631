"""The link between a gateway worker and the control process: length-prefixed MessagePack over one Unix socket.

Frame: 4 bytes big-endian length, then one msgspec-tagged message.  Frames above `MAX_FRAME` are refused.
The worker opens with `Hello`; control answers with `Snapshot` and a `Granted` for each instance the worker may use.
Grants the worker still holds from an earlier control process are named in `Hello.held`; control confirms each with
`Granted` or takes it back with `Revoked`.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from glowplug.domain.instance import Endpoint, Failure
from glowplug.domain.model import Loading
from glowplug.domain.route_plan import RoutePlan, RouteQuestion, Unexplained
from glowplug.domain.snapshot import Snapshot
from glowplug.wire.exposition import Families

MAX_FRAME = 64 << 20
PROTOCOL = 1


class Held(msgspec.Struct, frozen=True):
    """An instance the worker already uses."""

    endpoint: Endpoint
    active: int
    """Leases held now."""


# ---- worker → control


class Hello(msgspec.Struct, frozen=True, tag=True):
    worker: str
    """Unique per worker process: `w<index>-<pid>-<start>`."""
    pid: int
    protocol: int = PROTOCOL
    held: tuple[Held, ...] = ()


class Ensure(msgspec.Struct, frozen=True, tag=True):
    """A request needs this model ready.  `waiting` requests of this worker wait for it (0: warm it, nobody waits)."""

    model: str
    waiting: int
    priority: int = 0
    """The highest of the keys whose requests ask."""
    evict: bool = True
    """Whether one of them may unload other models for it."""


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """The number of this worker's requests that wait for this model has changed (a client left, say)."""

    model: str
    waiting: int


class Activity(msgspec.Struct, frozen=True, tag=True):
    """Leases on an instance went 0→1 (`busy`) or 1→0 at this moment."""

    instance: str
    busy: bool
    keep_alive: float | None = None
    """Seconds the last request wants it kept from now on, within what policy allows; None: as configured."""


class Drained(msgspec.Struct, frozen=True, tag=True):
    """The last lease of a revoked instance has ended."""

    instance: str


class Suspect(msgspec.Struct, frozen=True, tag=True):
    """An instance refused a connection, broke a response or stayed silent too long: please look at it."""

    instance: str
    why: str


class KeysUsed(msgspec.Struct, frozen=True, tag=True):
    """Ids of API keys used since the last report → unix seconds of the last use."""

    keys: dict[str, float]


class Rehash(msgspec.Struct, frozen=True, tag=True):
    """A key from elsewhere, known by its SHA-256 only, was used: this is its keyed hash."""

    key: str
    """Its id."""
    digest: bytes


class Met(msgspec.Struct, frozen=True, tag=True):
    """A program was let in with a key for the first time since this worker knows the key, or is told of again to a
    control process that is new."""

    key: str
    """Its id; empty for a program that was refused because it had none that is known."""
    agent: str
    """What it says of itself: its `User-Agent`, cut and printable; empty for nothing."""
    at: float
    """Unix seconds."""


class Logged(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A request with its answer, as the client sent and got them; of keys that ask for it only."""

    request: str
    key: str
    at: float
    """Unix seconds of the end."""
    kind: str
    asked: str
    model: str
    status: int
    sent: bytes
    answered: bytes
    truncated: bool
    """One of the two was longer than what is kept."""


class Scraped(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Scrape`: everything this worker counts."""

    ask: int
    families: Families


class Explained(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Explain`: what would happen, or why the question makes no sense."""

    ask: int
    plan: RoutePlan | None
    unexplained: Unexplained | None = None


class KeepResponse(msgspec.Struct, frozen=True, tag=True):
    """A response that its client may ask for again, or go on from."""

    key: str
    """Id of the API key whose it is; nobody else's requests find it."""
    id: str
    model: str
    """The target that made it."""
    native: bool
    """It is kept where it was made; then there is nothing of it here but this."""
    created: float
    """Unix seconds."""
    response: bytes = b""
    """The whole response, JSON."""
    input: bytes = b"[]"
    """The items it answers, from the beginning of the conversation, JSON."""


# ---- control → worker


class SetSnapshot(msgspec.Struct, frozen=True, tag=True):
    snapshot: Snapshot


class Granted(msgspec.Struct, frozen=True, tag=True):
    """This instance may be used until revoked."""

    endpoint: Endpoint


class Revoked(msgspec.Struct, frozen=True, tag=True):
    """Admit nothing new to this instance; answer `Drained` when the last lease has ended (at once if there is none)."""

    instance: str


class ForgetResponse(msgspec.Struct, frozen=True, tag=True):
    """Its client has deleted this response."""

    key: str
    id: str


class Progress(msgspec.Struct, frozen=True, tag=True):
    """How far a wanted instance is."""

    loading: Loading


class Memory(msgspec.Struct, frozen=True, tag=True):
    """What a granted instance holds, for clients that ask what is loaded.  Bytes."""

    instance: str
    size: int
    """All of it."""
    size_vram: int
    """On accelerators."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A wanted instance could not be had; all waiters of this model get the failure.  Also sent when a granted
    instance died (after its `Revoked`), so that a client can be told why."""

    model: str
    failure: Failure


class Scrape(msgspec.Struct, frozen=True, tag=True):
    """Say what you count."""

    ask: int


class Explain(msgspec.Struct, frozen=True, tag=True):
    """Say what would happen to this request.  Nothing of it is sent or counted."""

    ask: int
    question: RouteQuestion


ToControl = (
    Hello
    | Ensure
    | Waiting
    | Activity
    | Drained
    | Suspect
    | KeysUsed
    | Scraped
    | Explained
    | KeepResponse
    | Logged
    | Rehash
    | Met
)
ToWorker = SetSnapshot | Granted | Revoked | Progress | Memory | Failed | Scrape | Explain | ForgetResponse


class FrameError(ValueError):
    """The peer sent a frame that is too long or not a message."""


def encode(message: ToControl | ToWorker) -> bytes:
    """One frame, ready to write."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


class Frames:
    """Splits a byte stream into frame bodies, whatever pieces it comes in."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add bytes; yields every complete frame body.  Raises FrameError on a length above MAX_FRAME."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            size = int.from_bytes(buffer[:4], "big")
            if size > MAX_FRAME:
                raise FrameError(f"a frame of {size} bytes is longer than {MAX_FRAME}")
            if len(buffer) < 4 + size:
                return
            body = bytes(buffer[4 : 4 + size])
            del buffer[: 4 + size]
            yield body


_to_control: msgspec.msgpack.Decoder[ToControl] = msgspec.msgpack.Decoder(ToControl)
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)


def decode_to_control(body: bytes) -> ToControl:
    """The message in a frame body that a worker sent.  Raises FrameError."""
    try:
        return _to_control.decode(body)
    except msgspec.DecodeError as error:
        raise FrameError(str(error)) from None


def decode_to_worker(body: bytes) -> ToWorker:
    """The message in a frame body that control sent.  Raises FrameError."""
    try:
        return _to_worker.decode(body)
    except msgspec.DecodeError as error:
        raise FrameError(str(error)) from None
