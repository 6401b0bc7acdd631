"""HTTP/1.1 pieces: status lines, which headers pass, the head of an upstream request.

The grammar itself is llhttp's (httptools); here are only the parts a gateway adds.  References: RFC 9110 §7.6.1
(connection-specific fields), RFC 9112 §6 (message body length).
"""

from __future__ import annotations

import re
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

_PASSED = re.compile(
    # The line end in front and the first letter are what makes this cheap: most lines are left after two comparisons.
    rb"\r\n(?=[CcRrOoAaXx])((?i:content-(?:type|encoding|disposition|language):|retry-after:|openai-|anthropic-"
    rb"|x-ratelimit-)[^\r\n]*)"
)
_RATES: Final = re.compile(rb"^(?=(?:x|anthropic)-ratelimit-)", re.IGNORECASE | re.MULTILINE)
_FRAMED = re.compile(rb"^(?:content-length|transfer-encoding):", re.IGNORECASE | re.MULTILINE)
_PAGE = re.compile(rb"^content-type:[ \t]*text/html", re.IGNORECASE | re.MULTILINE)
_EVENTS = re.compile(rb"^content-type:[ \t]*text/event-stream", re.IGNORECASE | re.MULTILINE)


# A response head below is the text that llhttp has accepted: whole lines, none folded, each ending in CRLF.


def passed_lines(head: bytes) -> bytes:
    """The header lines of a response head that a client gets to see, as they came.

    An allow-list: content type, retry and rate limit information, the provider's own processing notes.  Cookies,
    server names and everything about the connection stay here.  Rate limits are those of the operator's account: they
    go by the name that LiteLLM gives them, so that nobody takes them for those of the client's key.
    """
    lines = _PASSED.findall(head)
    lines.append(b"")
    passed = b"\r\n".join(lines)
    if len(lines) == 2 and lines[0][:1] in b"Cc":  # only a content type: what engines say
        return passed
    return _RATES.sub(b"llm_provider-", passed)


def json_head(head: bytes) -> bytes:
    """What of an upstream's head holds for a JSON body that is ours: not what it said of its own."""
    lines = [line for line in _PASSED.findall(head) if not line.lower().startswith(b"content-")]
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"content-type: application/json", *lines, b"", b""])


def is_framed(head: bytes) -> bool:
    """Whether the end of the body is marked; if not, it ends with the connection."""
    return _FRAMED.search(head) is not None


def is_event_stream(head: bytes) -> bool:
    """Whether the body is a stream of server-sent events."""
    return _EVENTS.search(head) is not None


def is_page(head: bytes) -> bool:
    """Whether the body is a page for people, which no API answers: a proxy does, or a base URL that is not one's."""
    return _PAGE.search(head) is not None


def fields(head: bytes) -> Headers:
    """All header fields in order, names in lower case."""
    out = []
    for line in head.split(b"\r\n")[1:-2]:
        name, _, value = line.partition(b":")
        out.append((name.lower(), value.strip(b" \t")))
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


def with_query(head: bytes, query: bytes) -> bytes:
    """A request head with this query string, which begins with its question mark, behind those its target has."""
    line, space, rest = head.partition(b" HTTP/1.1\r\n")
    return b"%b%b%b%b" % (line, b"&" + query[1:] if b"?" in line else query, space, rest)


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
