"""What a client counts as acknowledged."""

from __future__ import annotations

import time
from pathlib import Path

from bench.bill import Tokens
from bench.biller import MODEL
from bench.clients import KINDS, Client, all_seen, ended, events_of, usage_of
from bench.soak import billed, provider


def test_clients_tell_an_end_from_a_break() -> None:
    chat = next(kind for kind in KINDS if kind.end == "[DONE]")
    messages = next(kind for kind in KINDS if kind.end == "message_stop")
    text = 'data: {"choices":[]}\n\ndata: {"usage":{"prompt_tokens":4,"completion_tokens":2}}\n\n'
    assert not ended(chat, events_of(text))
    assert not ended(chat, events_of(text + 'data: {"error":{}}\n\n'))
    assert ended(chat, events_of(text + "data: [DONE]\n\n"))
    assert usage_of(events_of(text)) == (4, 2)
    text = 'event: message_delta\ndata: {"type":"message_delta","usage":{"input_tokens":4,"output_tokens":2}}\n\n'
    assert not ended(messages, events_of(text))
    assert ended(messages, events_of(text + 'data: {"type":"message_stop"}\n\n'))
    assert usage_of(events_of(text)) == (4, 2)
    assert usage_of([{"usage": None}, "[DONE]"]) is None


def test_a_client_asks_in_every_way_and_notes_what_came(tmp_path: Path) -> None:
    """A provider of the chat wire alone: what is asked over another is refused."""
    file = tmp_path / "bill"
    with provider(file, 0.0) as port:
        client = Client(port, "sk-any", "one", (MODEL,))
        client.start()
        deadline = time.monotonic() + 30
        while len(client.seen) < len(KINDS) and time.monotonic() < deadline:
            time.sleep(0.01)
        client.stop()
        client.end()
    seen = list(all_seen([client]))[: len(KINDS)]
    assert [one.kind for one in seen] == [kind.name for kind in KINDS]
    chat = [one for one, kind in zip(seen, KINDS, strict=True) if kind.path == "/v1/chat/completions"]
    assert {one.status for one in chat} == {200}
    assert [one.whole for one in chat] == [one.kind != "left" for one in chat]
    bills = {bill.request: bill.tokens for bill in billed(file)}
    assert seen[1].usage == bills["one-1"] == Tokens(2, 2)
    assert seen[2].usage is None, "a stream that does not ask for its usage has none"


def test_nobody_there_is_a_request_that_was_cut_off() -> None:
    from bench.candidates import free_port

    client = Client(free_port(), "sk-any", "one", (MODEL,))
    client.start()
    while not client.seen and client.is_alive():
        time.sleep(0.001)
    client.stop()
    client.end()
    assert (client.seen[0].status, client.seen[0].whole) == (0, False)
