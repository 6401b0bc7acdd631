"""A gateway worker's data plane without processes: recording stand-ins, transports without sockets, a raw client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast

from glowplug.domain.access import Role
from glowplug.domain.instance import Endpoint
from glowplug.domain.model import Cold
from glowplug.domain.snapshot import AliasRoute, KeyRoute, Limits, ModelRoute, Snapshot
from glowplug.domain.usage import AttemptClosed, AttemptOpened, Record
from glowplug.errors import StoreError
from glowplug.gateway.connection import ClientConnection
from glowplug.gateway.plane import Plane
from glowplug.gateway.upstream import Pool, UpstreamConnection
from glowplug.secret import key_digest
from glowplug.wire import link

PEPPER = b"p" * 16
KEY = "sk-gp-user"
ADMIN = "sk-gp-admin"


def key(token: str, name: str, **more: Any) -> KeyRoute:
    return KeyRoute(id=name, digest=key_digest(PEPPER, token.encode()), role=more.pop("role", Role.USER), **more)


def cloud(name: str, port: int = 1, **more: Any) -> ModelRoute:
    url = more.pop("base_url", f"http://127.0.0.1:{port}/v1")
    return ModelRoute(name=name, local=False, upstream_model=f"up-{name}", base_url=url, api_key="sk-cloud", **more)


def local(name: str, **more: Any) -> ModelRoute:
    return ModelRoute(name=name, local=True, upstream_model=name, **more)


MODELS = (cloud("cloud"), cloud("cloud2"), local("local"))
ALIASES = (
    AliasRoute(name="both", targets=("cloud", "cloud2")),
    AliasRoute(name="waits", targets=("local", "cloud")),
    AliasRoute(name="warms", targets=("local", "cloud"), cold=Cold.CLOUD_WHILE_COLD),
    AliasRoute(name="rejects", targets=("local", "cloud"), cold=Cold.REJECT),
    AliasRoute(name="only-rejects", targets=("local",), cold=Cold.REJECT),
)
KEYS = (key(KEY, "user"), key(ADMIN, "admin", role=Role.ADMIN))


def snapshot(**changes: Any) -> Snapshot:
    values: dict[str, Any] = {"revision": 1, "pepper": PEPPER, "models": MODELS, "aliases": ALIASES, "keys": KEYS}
    return Snapshot(**{**values, **changes})


class Journal:
    """Records in order, in a log shared with the transports."""

    def __init__(self, log: list[tuple[str, Any]]) -> None:
        self.log = log
        self.records: list[Record] = []
        self.full = False
        self.flushes = 0

    def opened(self, record: AttemptOpened) -> None:
        if self.full:
            raise StoreError("disk full")
        self.records.append(record)
        self.log.append(("opened", record))

    def flush(self) -> None:
        self.flushes += 1
        if self.full:
            raise OSError(5, "Input/output error")

    def closed(self, record: AttemptClosed) -> None:
        self.records.append(record)
        self.log.append(("closed", record))

    @property
    def ends(self) -> list[AttemptClosed]:
        return [r for r in self.records if isinstance(r, AttemptClosed)]

    def even(self) -> bool:
        """Whether as many attempts were closed as opened."""
        return len(self.records) == 2 * len(self.ends)

    def check(self) -> None:
        """Every attempt opened is closed exactly once, with the same identity."""
        opened = [(r.request, r.attempt, r.model, r.key, r.asked) for r in self.records if isinstance(r, AttemptOpened)]
        closed = [(r.request, r.attempt, r.model, r.key, r.asked) for r in self.ends]
        assert sorted(opened) == sorted(closed)
        assert len(set(opened)) == len(opened)


class Uplink:
    def __init__(self) -> None:
        self.sent: list[link.ToControl] = []

    def send(self, message: link.ToControl) -> None:
        self.sent.append(message)

    def take(self) -> list[link.ToControl]:
        sent, self.sent = self.sent, []
        return sent


class Wire:
    """A transport that keeps what is written.  The test plays the peer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str, log: list[tuple[str, Any]], peer: Any) -> None:
        self.loop, self.name, self.log, self.peer = loop, name, log, peer
        self.protocol: Any = None
        self.data = b""
        self.reading = True
        self.closing = self.aborted = self.eof = self.lost = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self.peer if name == "peername" else default

    def write(self, data: bytes) -> None:
        assert not self.closing, f"written to a closing transport: {data[:60]!r}"
        self.data += data
        self.log.append((self.name, data))

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.write(b"".join(parts))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.loop.call_soon(self._lost, None)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def lose(self, error: Exception | None = None) -> None:
        """The peer closed (or reset, with an error)."""
        self.closing = True
        self._lost(error)

    def _lost(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self.protocol.connection_lost(error)

    @property
    def done(self) -> bool:
        """Whether the peer has seen the end of what is sent to it."""
        return self.closing or self.eof


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool = True
    """Framed to its end: False for a cut chunked or short body."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


def responses(data: bytes, *, closed: bool = True, head: bool = False) -> list[Response]:
    """Everything in these bytes, strictly: what is not a response is an error of the test."""
    out = []
    while data:
        top, sep, rest = data.partition(b"\r\n\r\n")
        assert sep, f"no head: {data[:80]!r}"
        first, *lines = top.decode("latin-1").split("\r\n")
        assert first.startswith("HTTP/1.1 "), first
        headers = {}
        for line in lines:
            name, colon, value = line.partition(": ")
            assert colon and name not in headers, line
            headers[name] = value
        one = Response(int(first.split()[1]), headers, b"")
        assert not ("content-length" in headers and "transfer-encoding" in headers)
        if one.status < 200 or one.status in (204, 304) or head:
            data = rest
        elif "content-length" in headers:
            size = int(headers["content-length"])
            one.body, data = rest[:size], rest[size:]
            one.complete = len(one.body) == size
        elif "transfer-encoding" in headers:
            one.body, data, one.complete = _chunks(rest)
        else:
            assert headers.get("connection") == "close"
            one.body, data = rest, b""
        out.append(one)
    return out


def _chunks(data: bytes) -> tuple[bytes, bytes, bool]:
    body = b""
    while True:
        line, sep, rest = data.partition(b"\r\n")
        if not sep:
            assert not line
            return body, b"", False
        size = int(line, 16)
        body += rest[:size]
        assert rest[size : size + 2] == b"\r\n"
        data = rest[size + 2 :]
        if size == 0:
            return body, data, True


def request(
    body: object = None,
    *,
    path: str = "/v1/chat/completions",
    method: str = "POST",
    token: str | None = KEY,
    version: str = "1.1",
    chunks: int = 0,
    headers: Iterable[str] = (),
    host: str | None = "localhost",
) -> bytes:
    """A request; a body that is not bytes goes as JSON, in pieces of `chunks` when that is given."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    lines += headers
    if chunks:
        lines.append("Transfer-Encoding: chunked")
        parts = [data[i : i + chunks] for i in range(0, len(data), chunks)]
        data = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
    elif body is not None:
        lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data


def chat(model: str = "cloud", *, stream: bool = False, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    return {**body, "stream": True} if stream else body


ANSWER = {
    "id": "c1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}


def whole(body: object = ANSWER, status: int = 200, *extra: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = "".join(f"{line}\r\n" for line in extra)
    top = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{more}content-length: {len(data)}\r\n\r\n"
    return top.encode() + data


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def events(*payloads: object) -> bytes:
    """Each payload as one event in one chunk."""
    out = b""
    for payload in payloads:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        one = f"data: {text}\n\n".encode()
        out += b"%x\r\n%b\r\n" % (len(one), one)
    return out


def delta(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
END = b"0\r\n\r\n"
STREAM = STREAM_HEAD + events(delta("a"), delta("b"), USAGE, "[DONE]") + END


def payloads(body: bytes) -> list[Any]:
    """The payloads of a stream, parsed; comments left out."""
    found = [e[6:].decode() for e in body.split(b"\n\n") if e.startswith(b"data: ")]
    return [p if p == "[DONE]" else json.loads(p) for p in found]


@dataclass
class Client:
    """A client connection without a socket."""

    conn: ClientConnection
    wire: Wire

    def send(self, data: bytes) -> Client:
        self.conn.data_received(data)
        return self

    @property
    def answers(self) -> list[Response]:
        return responses(self.wire.data, closed=self.wire.done)

    @property
    def answer(self) -> Response:
        (only,) = self.answers
        return only


@dataclass
class Up:
    """An upstream connection without a socket: what was sent to it, and a way to answer."""

    conn: UpstreamConnection
    wire: Wire
    where: str
    seen: int = 0

    def say(self, data: bytes) -> None:
        self.conn.data_received(data)

    @property
    def request(self) -> bytes:
        """What has been sent since the last look."""
        data, self.seen = self.wire.data[self.seen :], len(self.wire.data)
        return data

    @property
    def body(self) -> Any:
        return json.loads(self.request.partition(b"\r\n\r\n")[2])


@dataclass
class Rig:
    """A plane with recorders and upstreams that the test plays."""

    loop: asyncio.AbstractEventLoop
    snap: Snapshot = field(default_factory=snapshot)
    peer: Any = ("127.0.0.1", 5)

    def __post_init__(self) -> None:
        self.log: list[tuple[str, Any]] = []
        self.journal = Journal(self.log)
        self.uplink = Uplink()
        self.plane = Plane(self.loop, self.uplink, self.journal, "/nowhere")
        self.plane.control = self._pool("control")
        self.ups: list[Up] = []
        self.errors: dict[str, OSError] = {}
        self.apply(self.snap)

    def apply(self, snap: Snapshot) -> None:
        self.snap = snap
        self.plane.grants.rebind(self.plane.tables.apply(snap))
        for target in self.plane.tables.targets.values():
            if not target.route.local and target.pool is None:
                target.pool = self._pool(target.name)

    def limits(self, **changes: Any) -> None:
        self.apply(snapshot(limits=Limits(**changes)))

    def grant(self, model: str = "local", instance: str = "i1", prefix: str = "/v1") -> None:
        endpoint = Endpoint(instance=instance, model=model, host="127.0.0.1", port=9, key="engine-key", prefix=prefix)
        grants = self.plane.grants
        if instance not in grants.instances:
            from glowplug.gateway.targets import Instance

            grants.instances[instance] = Instance(endpoint, self._pool(instance))
        grants.grant(endpoint)

    def _pool(self, name: str) -> Pool:
        async def connect(pool: Pool) -> tuple[asyncio.Transport, asyncio.Protocol]:
            if name in self.errors:
                raise self.errors[name]
            protocol = UpstreamConnection(pool)
            wire = Wire(self.loop, f"up {name}", self.log, None)
            wire.protocol = protocol
            protocol.connection_made(cast(asyncio.BaseTransport, wire))
            self.ups.append(Up(protocol, wire, name))
            return cast(asyncio.Transport, wire), protocol

        return Pool(self.loop, connect, 5.0)

    def client(self) -> Client:
        conn = ClientConnection(self.plane)
        wire = Wire(self.loop, "client", self.log, self.peer)
        wire.protocol = conn
        conn.connection_made(cast(asyncio.BaseTransport, wire))
        return Client(conn, wire)

    def spin(self) -> None:
        """Let everything that is ready happen."""

        async def turns() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def ask(self, body: object, **more: Any) -> Client:
        """A client that has sent this request; upstreams are connected."""
        client = self.client().send(request(body, **more))
        self.spin()
        return client

    def up(self, where: str | None = None) -> Up:
        """The newest upstream connection, checked to be the one that is meant."""
        assert self.ups, "nothing was asked upstream"
        up = self.ups[-1]
        assert where is None or up.where == where, [u.where for u in self.ups]
        return up

    def reply(self, data: bytes, where: str | None = None) -> None:
        self.up(where).say(data)
        self.spin()

    def later(self, seconds: float) -> None:
        """Sweep all deadlines as if this much time had passed."""
        self.plane.sweep(monotonic() + seconds)
        self.spin()
