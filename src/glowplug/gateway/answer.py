"""Response bytes for clients: heads, whole answers, errors.  Pure."""

from __future__ import annotations

from time import time
from typing import Final

from glowplug.errors import GlowplugError, LimitReached
from glowplug.gateway.kinds import ANTHROPIC, OPENAI, Envelope
from glowplug.wire import rate_headers
from glowplug.wire.http1 import STATUS_LINES

JSON: Final = b"content-type: application/json\r\n"
CLOSE: Final = b"connection: close\r\n"
KEEP: Final = b"connection: keep-alive\r\n"


def connection_header(keep: bool, http10: bool) -> bytes:
    """The Connection header a response needs: HTTP/1.1 says close, HTTP/1.0 says keep-alive, else nothing."""
    if not keep:
        return CLOSE
    return KEEP if http10 else b""


def whole(status: int, headers: bytes, body: bytes, connection: bytes = b"", *, head_only: bool = False) -> bytes:
    """A complete response; `headers` are finished lines."""
    return b"%b%bcontent-length: %d\r\n%b\r\n%b" % (
        STATUS_LINES[status],
        headers,
        len(body),
        connection,
        b"" if head_only else body,
    )


def stream_head(status: int, headers: bytes, connection: bytes, http10: bool) -> bytes:
    """The head of a response whose length is not known: chunked, or until close for an HTTP/1.0 client."""
    framing = CLOSE if http10 else b"transfer-encoding: chunked\r\n%b" % connection
    return b"%b%b%b\r\n" % (STATUS_LINES[status], headers, framing)


def own_lines(request_id: str, envelope: Envelope) -> bytes:
    """Header lines that name the request where only the clients of this wire look."""
    name = envelope.id_header
    return b"%b: %b\r\n" % (name, request_id.encode()) if name else b""


def error_headers(error: GlowplugError, request_id: str) -> bytes:
    """The header lines of an error answer."""
    retry = b"" if error.retry_after is None else b"retry-after: %d\r\n" % max(1, round(error.retry_after + 0.499))
    challenge = b"www-authenticate: Bearer\r\n" if error.status == 401 else b""
    return b"%bx-request-id: %b\r\n%b%b" % (JSON, request_id.encode(), retry, challenge)


def rate_lines(error: GlowplugError, envelope: Envelope) -> bytes:
    """Header lines about the rate that an error speaks of, as the clients of this wire read them."""
    if not isinstance(error, LimitReached) or error.rate is None:
        return b""
    return rate_headers.lines(rate_words(envelope), *error.rate, time(), error.unit)


def rate_words(envelope: Envelope) -> rate_headers.Wire:
    """In whose words clients of this wire are told of a rate."""
    return "anthropic" if envelope is ANTHROPIC else "openai"


def error(
    error: GlowplugError,
    request_id: str,
    connection: bytes,
    envelope: Envelope = OPENAI,
    *,
    head_only: bool = False,
) -> bytes:
    """A complete error answer in the words of one wire."""
    body = envelope.body(error, request_id)
    headers = error_headers(error, request_id) + own_lines(request_id, envelope) + rate_lines(error, envelope)
    return whole(error.status, headers, body, connection, head_only=head_only)
