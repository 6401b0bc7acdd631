"""What a request's head must satisfy before anything is done with it.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from glowplug.errors import Forbidden, GlowplugError, HeadersTooLarge, RequestError
from glowplug.gateway.tables import Tables
from glowplug.wire.credentials import PLACES
from glowplug.wire.http1 import host_name

ONCE: Final = frozenset((*PLACES, b"host", b"transfer-encoding", b"expect", b"origin"))
"""Header fields that must not be repeated: two readers could choose differently."""
_SEEN_HOSTS: Final = 64
"""Host values whose check is remembered."""
_CORS_HEADERS: Final = (
    b"authorization, content-type, x-api-key, api-key, anthropic-version, anthropic-beta, "
    b"anthropic-dangerous-direct-browser-access, openai-beta, openai-organization, openai-project, x-stainless-arch, "
    b"x-stainless-lang, x-stainless-os, x-stainless-package-version, x-stainless-retry-count, x-stainless-runtime, "
    b"x-stainless-runtime-version, x-stainless-timeout, x-stainless-helper-method, x-glowplug-keep-alive, "
    b"x-glowplug-model, x-litellm-api-key"
)
"""What clients in pages send; named one by one, because a pattern means nothing to a browser."""


def check_head(tables: Tables, url: bytes, version: str, headers: Mapping[bytes, bytes]) -> None:
    """Raises what makes a head unacceptable whatever the route: RequestError, HeadersTooLarge, Forbidden."""
    if len(headers) > tables.limits.headers:
        raise HeadersTooLarge(f"More than {tables.limits.headers} header fields")
    if not url.startswith(b"/"):
        raise RequestError("The request target must be a path", code="malformed_request")
    if version not in ("1.1", "1.0"):
        raise RequestError(f"HTTP/{version} is not spoken here", code="malformed_request")
    coding = headers.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
        raise RequestError("The transfer coding must be chunked, in HTTP/1.1", code="malformed_request")
    host = headers.get(b"host")
    if host is None:
        if version == "1.1":
            raise RequestError("The Host header is missing", code="malformed_request")
    elif host not in tables.seen_hosts and not _host_allowed(tables, host):
        raise Forbidden(
            f"The host {host.decode('latin-1')!r} is not served here",
            hint="add it to server.hosts in the configuration",
            code="host_not_allowed",
        )
    origin = headers.get(b"origin")
    if origin is not None and not _origin_allowed(tables, origin.lower(), host):
        raise Forbidden(
            f"Pages of {origin.decode('latin-1')!r} may not call this server",
            hint="add it to server.origins in the configuration",
            code="origin_not_allowed",
        )


def _host_allowed(tables: Tables, host: bytes) -> bool:
    if tables.hosts and host_name(host) not in tables.hosts and b"*" not in tables.hosts:
        return False
    if tables.ready and len(tables.seen_hosts) < _SEEN_HOSTS:
        tables.seen_hosts.add(host)
    return True


def _origin_allowed(tables: Tables, origin: bytes, host: bytes | None) -> bool:
    same = host is not None and origin.partition(b"://")[2] == host.lower()
    return same or origin in tables.origins or b"*" in tables.origins


def cors_headers(origin: bytes) -> bytes:
    """Header lines that let a page of an allowed origin read the answer (https://fetch.spec.whatwg.org/#http-cors-protocol)."""
    return b"access-control-allow-origin: %b\r\nvary: origin\r\n" % origin


def preflight_headers(headers: Mapping[bytes, bytes]) -> bytes:
    """Header lines that answer a CORS preflight of an allowed origin."""
    names = headers.get(b"access-control-request-headers") or _CORS_HEADERS
    return (
        b"access-control-allow-methods: GET, POST, DELETE, OPTIONS\r\naccess-control-max-age: 600\r\n"
        b"access-control-allow-headers: %b\r\n" % names
    )


def given_request_id(headers: Mapping[bytes, bytes]) -> str:
    """The client's own request id when it is harmless (1 to 64 letters, digits, `-`, `_`, `.`), else empty."""
    value = headers.get(b"x-request-id")
    if value is None:
        return ""
    plain = value.replace(b"-", b"").replace(b"_", b"").replace(b".", b"")
    return value.decode("ascii") if 0 < len(value) <= 64 and plain.isalnum() else ""


def head_size(url: bytes, headers: Mapping[bytes, bytes]) -> int:
    """About how many bytes a head took, from its parsed parts."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers.items())


def closes(error: GlowplugError, headers: Mapping[bytes, bytes], most: int) -> bool:
    """Whether a refused head is answered at once and the connection closed, rather than its body (of at most `most`
    bytes) read to keep the connection."""
    if isinstance(error, HeadersTooLarge) or error.code == "malformed_request" or b"expect" in headers:
        return True
    return int(headers.get(b"content-length", b"0")) > most


def without_upgrade(method: bytes, url: bytes, version: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    """The head of a request again, without its wish to change the protocol (and to be told to continue: it was)."""
    dropped = (b"upgrade", b"connection", b"expect")
    lines = b"".join(b"%b: %b\r\n" % field for field in headers.items() if field[0] not in dropped)
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, url, version, lines)
