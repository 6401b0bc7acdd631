"""HTTP/1.1 pieces: status lines, which headers pass, the head of an upstream request.

The grammar itself is llhttp's (httptools); here are only the parts a gateway adds.  References: RFC 9110 §7.6.1
(connection-specific fields), RFC 9112 §6 (message body length).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

Headers = list[tuple[bytes, bytes]]

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
STATUS_LINES: Final[tuple[bytes, ...]] = tuple(
    b"HTTP/1.1 %d %b\r\n" % (code, _REASONS.get(code, b"Status")) for code in range(1000)
)
"""The status line by code, for codes 0..999."""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)

_PASSED_RESPONSE = frozenset(
    (b"content-type", b"content-encoding", b"retry-after", b"content-disposition", b"content-language")
)
_PASSED_PREFIXES = (b"openai-", b"x-ratelimit-", b"anthropic-")


def passed_headers(headers: Headers) -> bytes:
    """The upstream's response headers a client gets to see, as bytes ready to send.

    An allow-list: content type, retry and rate limit information, the provider's own processing notes.  Cookies,
    server names and everything about the connection stay here.
    """
    out = b""
    for name, value in headers:
        low = name.lower()
        if low in _PASSED_RESPONSE or low.startswith(_PASSED_PREFIXES):
            out += b"%b: %b\r\n" % (low, value)
    return out


def header(headers: Headers, name: bytes) -> bytes | None:
    """The last value of a header (lower-case name), or None."""
    found = None
    size = len(name)
    for key, value in headers:
        if len(key) == size and key.lower() == name:
            found = value
    return found


def request_head(method: bytes, target: bytes, host: bytes, headers: Headers, body_length: int | None) -> bytes:
    """The head of a request to hand on: rebuilt from parsed parts, without connection-specific fields.

    `headers` must not hold Host or Content-Length.  `body_length` None writes no length.
    """
    out = [b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (method, target, host)]
    dropped = HOP_BY_HOP | connection_tokens(headers)
    for name, value in headers:
        low = name.lower()
        if low not in dropped and low not in (b"host", b"content-length", b"expect"):
            out.append(b"%b: %b\r\n" % (low, value))
    if body_length is not None:
        out.append(b"content-length: %d\r\n" % body_length)
    out.append(b"\r\n")
    return b"".join(out)


def connection_tokens(headers: Headers) -> frozenset[bytes]:
    """Field names that the Connection header declares connection-specific, lower case."""
    tokens: set[bytes] = set()
    for name, value in headers:
        if len(name) == 10 and name.lower() == b"connection":
            tokens.update(token.strip().lower() for token in value.split(b","))
    return frozenset(tokens)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK: Final = b"0\r\n\r\n"


def host_name(value: bytes) -> bytes:
    """The host of a Host header without its port, lower case; IPv6 keeps its brackets."""
    low = value.strip().lower()
    if low.startswith(b"["):
        return low[: low.find(b"]") + 1]
    return low.partition(b":")[0]
