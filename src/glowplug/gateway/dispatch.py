"""Where a request that is no model call goes: answered here from memory, or handed to the control process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glowplug.errors import GlowplugError
from glowplug.gateway import answer, intake, local, passing, realtime
from glowplug.gateway.handover import Handover, Tunnel
from glowplug.gateway.kinds import OLLAMA, OPENAI, Envelope
from glowplug.gateway.ollama_api import PREFIX
from glowplug.gateway.stored import StoredHandover, is_stored
from glowplug.wire.realtime import PATHS as REALTIME

if TYPE_CHECKING:
    from glowplug.gateway.connection import ClientConnection


def begin(
    conn: ClientConnection, method: bytes, target: bytes, headers: dict[bytes, bytes], body: bytes, request_id: str
) -> None:
    """Answer at once, or let the control process answer."""
    if method == b"OPTIONS" and conn.cors:
        _respond(conn, method, 200, intake.preflight_headers(headers) + conn.cors, b"")
        return
    try:
        passed = passing.begin(conn, method, target, headers, request_id)
        if passed is not None:
            conn.call = passed
            passed.open(target.partition(b"?")[2], headers, body)
            return
        result = local.serve(conn.plane, method, target, headers, body)
    except GlowplugError as error:
        refuse(conn, method, error, request_id, OLLAMA if target.startswith(PREFIX) else OPENAI)
        return
    if result is not None:
        status, lines, answered = result
        lines = b"%bx-request-id: %b\r\n%b" % (lines, request_id.encode(), conn.cors)
        _respond(conn, method, status, lines, answered)
        return
    stored = is_stored(target.partition(b"?")[0])
    handover = conn.call = (StoredHandover if stored else Handover)(conn, conn.plane, request_id)
    handover.run(method, target, list(headers.items()), body)


def upgrade(conn: ClientConnection, target: bytes, headers: dict[bytes, bytes], rest: bytes) -> None:
    """A websocket is asked for, which may be followed by `rest`: a realtime session, else the control process's."""
    request_id = conn.plane.request_ids.next()
    path, _, query = target.partition(b"?")
    if path not in REALTIME:
        tunnel = conn.call = conn.tunnel = Tunnel(conn, conn.plane, request_id)
        tunnel.run(b"GET", target, list(headers.items()), rest)
        return
    conn.keep = False
    try:
        session = realtime.begin(conn, headers, request_id)
    except GlowplugError as error:
        refuse(conn, b"GET", error, request_id)
        return
    conn.call = conn.tunnel = session
    session.open(query, headers, rest)


def refuse(
    conn: ClientConnection, method: bytes, error: GlowplugError, request_id: str, envelope: Envelope = OPENAI
) -> None:
    """Answer an error."""
    connection = answer.connection_header(conn.keep, conn.http10)
    conn.tr.write(answer.error(error, request_id, connection, envelope, head_only=method == b"HEAD"))
    conn.call_done()


def _respond(conn: ClientConnection, method: bytes, status: int, lines: bytes, body: bytes) -> None:
    connection = answer.connection_header(conn.keep, conn.http10)
    conn.tr.write(answer.whole(status, lines, body, connection, head_only=method == b"HEAD"))
    conn.call_done()
