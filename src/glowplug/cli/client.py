"""How the verbs talk to the running server: where it is, with which key, one request a connection.

The HTTP grammar is httptools'; the standard library's client costs 30 ms of imports (email, ssl) that a command which
should feel instant does not have.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from httptools import HttpParserError, HttpResponseParser

from glowplug import __version__
from glowplug.cli.output import NOT_RUNNING
from glowplug.errors import (
    ConfigError,
    Conflict,
    EngineFailed,
    Forbidden,
    GlowplugError,
    LimitReached,
    Loading,
    NotFound,
    Problem,
    RequestError,
    Unauthenticated,
    Unavailable,
    UpstreamError,
)
from glowplug.paths import Paths

Row = dict[str, Any]
"""One row of a list of the admin API."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CHUNK = 65_536
_LONGEST_ANSWER = 256 << 20


class Address:
    """Where a server is, and the key to use there (empty for none)."""

    __slots__ = ("base", "host", "key", "port", "prefix", "tls")

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RequestError(f"{url!r} is not an address of a server", hint="write for example http://127.0.0.1:4000")
        try:
            port = parts.port
        except ValueError:
            raise RequestError(f"{url!r} has no usable port", hint="write for example http://127.0.0.1:4000") from None
        self.tls = parts.scheme == "https"
        self.host = parts.hostname
        self.port = port or (443 if self.tls else 80)
        self.prefix = parts.path.rstrip("/").removesuffix("/v1")
        self.base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self.prefix}"
        self.key = key

    @property
    def loopback(self) -> bool:
        return self.host in _LOOPBACK


def find(paths: Paths, url: str | None, key: str | None) -> Address:
    """The server to talk to.  Without `url` it is the one that runs on this state directory; Unavailable if none does.

    The key kept for this user's command line is given to that server and to this machine only, never to another host.
    """
    local = None if url else _endpoint(paths)
    found = Address(url or local or "", key or "")
    if not found.key and (local or found.loopback):
        found.key = _kept_key(paths)
    return found


def is_running(paths: Paths) -> bool:
    """Whether a server runs on this state directory."""
    try:
        _endpoint(paths)
    except Unavailable:
        return False
    return True


def _endpoint(paths: Paths) -> str:
    nothing = Unavailable(
        f"nothing is running for {paths.state}",
        hint="start it with: glowplug up (or try glowplug demo); a server elsewhere is named with --url",
        code=NOT_RUNNING,
    )
    try:
        said = json.loads(paths.endpoint.read_bytes())
        url, pid = str(said["base_url"]), int(said["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        raise nothing from None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        raise nothing from None
    except PermissionError:
        pass
    return url


def _kept_key(paths: Paths) -> str:
    try:
        return paths.cli_key.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


class Response:
    """An answer whose head has arrived.  Header names are in small letters."""

    def __init__(self, client: Client, connection: socket.socket, deadline: float | None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._client = client
        self._connection = connection
        self._deadline = deadline
        self._parser = HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._head = False
        self._done = False
        self._framed = False
        while not self._head:
            if not self._more():
                raise client.broken("closed the connection without an answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if 100 <= self.status < 200:
            self.headers.clear()
            return
        self._head = True
        self._framed = "content-length" in self.headers or "transfer-encoding" in self.headers

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._done = self._head

    def _more(self) -> bool:
        """Read once; False at the end of the connection."""
        data = self._client.receive(self._connection, self._deadline)
        if not data:
            return False
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            raise self._client.broken("does not speak HTTP") from None
        return True

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes.  Raises UpstreamError when it breaks off."""
        with self._connection:
            while True:
                parts, self._parts = self._parts, []
                yield from parts
                if self._done:
                    return
                if not self._more():
                    if self._framed:
                        raise self._client.broken("broke off in the middle of its answer")
                    self._done = True

    def read(self) -> bytes:
        """The whole body."""
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > _LONGEST_ANSWER:
                raise self._client.broken("answered more than this command can hold")
        return bytes(body)

    def close(self) -> None:
        self._connection.close()


class Client:
    """Requests to one server.  Every failure is a GlowplugError that says what to do."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def open(
        self, method: str, path: str, body: Any = None, *, silence: float | None = 60.0, within: float | None = None
    ) -> Response:
        """Send a request and read the head of the answer, whatever its status.

        `path` is already quoted.  `silence` is the longest wait for the next byte (None: for ever), `within` the
        longest for everything, in seconds.
        """
        deadline = None if within is None else monotonic() + within
        connection = self._connect(min(5.0, within or 5.0))
        try:
            connection.settimeout(silence)
            connection.sendall(self._request(method, path, body))
            return Response(self, connection, deadline)
        except TimeoutError:
            connection.close()
            raise self._late(silence) from None
        except OSError as error:
            connection.close()
            raise self.broken(f"broke the connection ({error.strerror or error})") from None
        except BaseException:
            connection.close()
            raise

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        silence: float | None = 60.0,
        within: float | None = None,
    ) -> Any:
        """The decoded JSON answer.  Raises the error that the server's status and body describe."""
        target = f"{path}?{urlencode(query)}" if query else path
        response = self.open(method, target, body, silence=silence, within=within)
        raw = response.read()
        if response.status >= 300:
            raise refusal(response.status, response.headers, raw, self.address.base)
        if not raw:
            return {}
        try:
            return json.loads(raw)
        except ValueError:
            raise self.broken("did not answer with JSON; is it a Glowplug?") from None

    def rows(self, path: str, query: dict[str, str] | None = None, *, within: float | None = None) -> list[Row]:
        """All rows of a list, page after page."""
        asked = dict(query or {})
        found: list[Row] = []
        while True:
            answer = self.call("GET", path, query=asked, within=within)
            page = answer.get("data") if isinstance(answer, dict) else None
            if not isinstance(page, list) or not all(isinstance(row, dict) for row in page):
                raise self.broken("did not answer with a list; is it a Glowplug?")
            found += page
            after = answer.get("next")
            if not after or not page:
                return found
            asked["after"] = str(after)

    def receive(self, connection: socket.socket, deadline: float | None) -> bytes:
        """The next bytes, or none at the end.  For `Response`."""
        silence = connection.gettimeout()
        try:
            if deadline is not None:
                left = deadline - monotonic()
                if left <= 0:
                    raise TimeoutError
                connection.settimeout(left if silence is None else min(left, silence))
            return connection.recv(_CHUNK)
        except TimeoutError:
            raise self._late(silence) from None
        except OSError as error:
            raise self.broken(f"broke the connection ({error.strerror or error})") from None

    def broken(self, what: str) -> UpstreamError:
        """An error about the server's behaviour."""
        return UpstreamError(
            f"{self.address.base} {what}", hint="see whether the server still runs: glowplug ps; its log says more"
        )

    def _late(self, seconds: float | None) -> UpstreamError:
        return UpstreamError(
            f"{self.address.base} did not answer within {seconds or 0:g} seconds",
            hint="it may be overloaded; try again",
        )

    def _connect(self, timeout: float) -> socket.socket:
        address = self.address
        try:
            connection = socket.create_connection((address.host, address.port), timeout)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.tls:
                import ssl

                return ssl.create_default_context().wrap_socket(connection, server_hostname=address.host)
            return connection
        except OSError as error:
            why = "it took too long" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise Unavailable(
                f"nothing answers at {address.base} ({why})",
                hint="start it with: glowplug up, or name the right server with --url",
                code=NOT_RUNNING,
            ) from None

    def _request(self, method: str, path: str, body: Any) -> bytes:
        address = self.address
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        host = f"[{address.host}]" if ":" in address.host else address.host
        lines = [
            f"{method} {address.prefix}{path} HTTP/1.1",
            f"Host: {host}:{address.port}",
            f"User-Agent: glowplug/{__version__}",
            "Accept: */*",
            "Connection: close",
        ]
        if address.key:
            if not address.key.isascii() or not address.key.isprintable():
                raise Unauthenticated("the API key has characters no key has", hint="copy it again into --key")
            lines.append(f"Authorization: Bearer {address.key}")
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(raw)}"]
        elif method != "GET":
            lines.append("Content-Length: 0")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + raw


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def refusal(status: int, headers: dict[str, str], raw: bytes, base: str) -> GlowplugError:
    """The error that an answer describes (the OpenAI error object; other bodies are quoted)."""
    try:
        told = json.loads(raw)["error"]
    except (ValueError, KeyError, TypeError):
        told = None
    if not isinstance(told, dict):
        said = told if isinstance(told, str) else raw[:200].decode("utf-8", "replace").strip()
        told = {"message": f"{base} answered {status}" + (f": {said}" if said else "")}
    return told_error(status, told, headers)


def told_error(status: int, told: dict[str, Any], headers: dict[str, str]) -> GlowplugError:
    """The error that an OpenAI error object describes; `status` is the HTTP status, or 0 inside a stream."""
    message = str(told.get("message") or "the server gave no reason")
    code = str(told.get("code") or "")
    hint = str(told.get("hint") or "")
    if hint and message.endswith(f" ({hint})"):
        message = message.removesuffix(f" ({hint})")
    after = headers.get("retry-after", "")
    retry_after = float(after) if after.isdigit() else None
    if isinstance(told.get("loading"), dict):
        return Loading(message, loading=told["loading"], hint=hint, retry_after=retry_after)
    if isinstance(told.get("problems"), list):
        return ConfigError(message, tuple(map(_problem, told["problems"])), hint=hint)
    tail = told.get("log_tail")
    if isinstance(tail, list):
        return EngineFailed(message, log_tail=tuple(map(str, tail)), hint=hint, retry_after=retry_after)
    kind = {
        401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, 429: LimitReached, 503: Unavailable,
    }.get(status, RequestError if 400 <= status < 500 else UpstreamError)  # fmt: skip
    return kind(message, hint=hint or _default_hint(status), code=code, retry_after=retry_after)


def _problem(row: Any) -> Problem:
    told = row if isinstance(row, dict) else {"message": str(row)}
    return Problem(
        str(told.get("path") or ""),
        str(told.get("message") or ""),
        line=int(told.get("line") or 0),
        hint=str(told.get("hint") or ""),
    )


def _default_hint(status: int) -> str:
    return {
        401: "pass a key with --key or GLOWPLUG_API_KEY; an admin makes one with: glowplug keys create NAME",
        403: "use an admin key with --key or GLOWPLUG_API_KEY",
    }.get(status, "")
