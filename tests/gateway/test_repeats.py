"""A head that comes again is compared instead of parsed; what differs in anything but the length is parsed."""

from __future__ import annotations

from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.snapshot import Limits, Snapshot
from glowplug.gateway.kinds import PATHS
from glowplug.gateway.repeats import TRIES, Head, remember
from tests.gateway.rig import KEY, Client, Rig, chat, key, request, snapshot, whole

PATH = b"/v1/chat/completions"
KIND = PATHS[PATH]
SNAPSHOT = Snapshot(revision=1, pepper=b"")


def head(*lines: str, length: int | str = 2, path: str = PATH.decode()) -> bytes:
    all_lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *lines]
    return "\r\n".join(all_lines).encode() + b"\r\n\r\n"


def fields(*lines: str) -> dict[bytes, bytes]:
    pairs = (line.partition(":") for line in ("Host: localhost", "Content-Length: 2", *lines))
    return {name.lower().encode(): value.strip().encode() for name, _, value in pairs}


def body(known: Head, data: bytes) -> bytes | None:
    """The body behind a head that is known, when it is whole."""
    found = known.match(data)
    if found is None:
        return None
    start, length = found
    return data[start:] if len(data) - start == length else None


def test_the_same_head_with_another_length_is_known() -> None:
    known = remember(head("A: b") + b"{}", PATH, fields("A: b"), KIND, SNAPSHOT)
    assert known is not None
    assert known.fields == {b"host": b"localhost", b"a": b"b"}
    assert body(known, head("A: b") + b"[]") == b"[]"
    assert body(known, head("A: b", length=0)) == b""
    assert body(known, head("A: b", length="0011") + b"hello there") == b"hello there"
    assert known.match(head("A: b", length=9)) == (len(head("A: b", length=9)), 9)


@pytest.mark.parametrize("data", [
    head("A: c") + b"{}", head() + b"{}", head("A: b", "B: c") + b"{}", head("a: b") + b"{}",
    head("A: b", length="2 ") + b"{}", head("A: b", length="+2") + b"{}", head("A: b", length="-2") + b"{}",
    head("A: b", length="0x2") + b"{}", head("A: b", length="") + b"{}", head("A: b", length="1_0") + b"0123456789",
    head("A: b", length="00000000000000002") + b"{}", head("A: b", length="٢") + b"{}",
    head("A: b")[:-1], head("A: b")[:60], b"", b"POST",
    head("A: b").replace(b"\r\n", b"\n") + b"{}", head("A: b", path="/v1/completions") + b"{}",
    b"\r\n" + head("A: b") + b"{}", head("A: b").replace(b"POST", b"PUT") + b"{}",
])  # fmt: skip
def test_what_differs_is_not_it(data: bytes) -> None:
    known = remember(head("A: b") + b"{}", PATH, fields("A: b"), KIND, SNAPSHOT)
    assert known is not None
    assert known.match(data) is None


def test_however_it_is_cut_it_is_not_taken_before_its_head_is_whole() -> None:
    known = remember(head("A: b", length=5), PATH, fields("A: b"), KIND, SNAPSHOT)
    assert known is not None
    whole = head("A: b", length=12345)
    assert [cut for cut in range(len(whole)) if known.match(whole[:cut])] == []
    assert known.match(whole) == (len(whole), 12345)


@pytest.mark.parametrize("line", [
    "Origin: http://localhost", "Expect: 100-continue", "Upgrade: h2c", "X-Request-Id: 7", "Connection: close",
    "Connection: keep-alive, upgrade",
])  # fmt: skip
def test_heads_that_mean_more_are_not_remembered(line: str) -> None:
    assert remember(head(line) + b"{}", PATH, fields(line), KIND, SNAPSHOT) is None


def test_only_a_whole_head_at_the_beginning_is_remembered() -> None:
    good = head() + b"{}"
    assert remember(good, PATH, fields(), KIND, SNAPSHOT) is not None
    for data in (good[5:], b"\r\n" + good, head()[:-1], head().replace(b"Length", b"Size") + b"{}"):
        assert remember(data, PATH, fields(), KIND, SNAPSHOT) is None
    assert remember(head(path="/v1/chat/completions?a=b") + b"{}", PATH + b"?a=b", fields(), KIND, SNAPSHOT) is None


def test_a_length_inside_of_a_field_is_none() -> None:
    line = "A: content-length: 7"
    known = remember(b"POST %b HTTP/1.1\r\n%b\r\nContent-Length: 2\r\n\r\n{}" % (PATH, line.encode()), PATH,
                     fields(line), KIND, SNAPSHOT)  # fmt: skip
    assert known is not None
    assert body(known, b"POST %b HTTP/1.1\r\n%b\r\nContent-Length: 3\r\n\r\n{ }" % (PATH, line.encode())) == b"{ }"
    other = line.replace("7", "3").encode()
    assert body(known, b"POST %b HTTP/1.1\r\n%b\r\nContent-Length: 2\r\n\r\n{}" % (PATH, other)) is None


class Parsed:
    """Counts what goes through the parser of a connection."""

    def __init__(self, client: Client) -> None:
        self.parser = client.conn.parser
        self.fed: list[bytes] = []
        client.conn.parser = self  # type: ignore[assignment]

    def feed_data(self, data: bytes) -> None:
        self.fed.append(data)
        self.parser.feed_data(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parser, name)


def serve(rig: Rig, client: Client, data: bytes, where: str = "cloud") -> bytes:
    """The answer to one more request of a connection; `data` in one piece."""
    before = len(client.wire.data)
    client.send(data)
    rig.spin()
    if client.conn.call is not None:
        rig.reply(whole(), where)
    return client.wire.data[before:]


def test_it_is_served_without_being_parsed(rig: Rig) -> None:
    client = rig.client()
    parsed = Parsed(client)
    for text in ("a", "another", "a third", "日本"):
        assert serve(rig, client, request(chat("cloud", user=text))).startswith(b"HTTP/1.1 200")
    assert len(parsed.fed) == 1
    bodies = [up.request for up in rig.ups]
    assert b"".join(bodies).count(b'"model": "up-cloud"') == 4
    assert [answer.status for answer in client.answers] == [200] * 4
    assert len({answer.headers["x-request-id"] for answer in client.answers}) == 4
    # What is another head, or is cut inside of it, or comes with another behind it, is parsed.
    assert serve(rig, client, request(chat("cloud"), headers=["A: b"])).startswith(b"HTTP/1.1 200")
    two = request(chat("cloud"))
    client.send(two[:30])
    assert serve(rig, client, two[30:]).startswith(b"HTTP/1.1 200")
    assert len(parsed.fed) == 4
    assert serve(rig, client, two).startswith(b"HTTP/1.1 200")
    assert len(parsed.fed) == 4


@pytest.mark.parametrize("pieces", [1, 2, 5])
@pytest.mark.parametrize("first", ["whole", "head"])
def test_a_body_may_come_behind_its_head(rig: Rig, pieces: int, first: str) -> None:
    """As clients send it that write head and body one after the other."""
    client = rig.client()
    parsed = Parsed(client)

    def send(text: str) -> bytes:
        data = request(chat("cloud", user=text))
        cut = data.index(b"\r\n\r\n") + 4
        client.send(data[:cut])
        rest = data[cut:]
        step = -(-len(rest) // pieces)
        for at in range(0, len(rest) - step, step):
            client.send(rest[at : at + step])
        return serve(rig, client, rest[(pieces - 1) * step :] if pieces > 1 else rest)

    if first == "head":
        assert send("first").startswith(b"HTTP/1.1 200")
    else:
        assert serve(rig, client, request(chat("cloud"))).startswith(b"HTTP/1.1 200")
    fed = len(parsed.fed)
    for number in range(3):
        assert send(f"number {number}").startswith(b"HTTP/1.1 200")
        assert rig.up("cloud").request.endswith(b'"user": "number %d"}' % number)
    assert len(parsed.fed) == fed


def test_what_comes_behind_the_body_is_the_next_request(rig: Rig) -> None:
    client = rig.client()
    serve(rig, client, request(chat("cloud")))
    data = request(chat("cloud", user="1"))
    cut = data.index(b"\r\n\r\n") + 4
    client.send(data[:cut])
    client.send(data[cut:] + request(chat("cloud", user="2")) + request(chat("cloud", user="3"))[:50])
    client.send(request(chat("cloud", user="3"))[50:])
    for _ in range(3):
        rig.reply(whole(), "cloud")
        rig.spin()
    assert [answer.status for answer in client.answers] == [200] * 4


def test_a_body_that_does_not_come_has_a_deadline(rig: Rig) -> None:
    client = rig.client()
    serve(rig, client, request(chat("cloud")))
    data = request(chat("cloud"))
    client.send(data[: data.index(b"\r\n\r\n") + 8])
    assert client.conn.deadline < float("inf")
    rig.plane.sweep(client.conn.deadline + 1)
    assert [answer.status for answer in client.answers] == [200, 408]
    assert client.wire.done
    client.send(data)
    assert len(client.answers) == 2


def test_a_client_that_leaves_in_the_middle_is_gone(rig: Rig) -> None:
    client = rig.client()
    serve(rig, client, request(chat("cloud")))
    data = request(chat("cloud"))
    client.send(data[: data.index(b"\r\n\r\n") + 4])
    client.wire.lose()
    assert len(rig.journal.ends) == 1


def test_the_worker_may_drain_in_the_middle(rig: Rig) -> None:
    client = rig.client()
    serve(rig, client, request(chat("cloud")))
    data = request(chat("cloud"))
    cut = data.index(b"\r\n\r\n") + 4
    client.send(data[:cut])
    rig.plane.draining = True
    assert b"connection: close" in serve(rig, client, data[cut:])


@pytest.mark.parametrize(("line", "status"), [("Host: evil.example", 403), ("Authorization: Bearer sk-wrong", 401)])
def test_what_was_refused_is_refused_again(rig: Rig, line: str, status: int) -> None:
    rig.apply(snapshot(hosts=("localhost",)))
    for good_first in (False, True):
        client = rig.client()
        if good_first:
            assert serve(rig, client, request(chat("cloud"))).startswith(b"HTTP/1.1 200")
        wrong = request(chat("cloud"), headers=[line], host=None if line.startswith("Host") else "localhost",
                        token=None if line.startswith("Auth") else KEY)  # fmt: skip
        for _ in range(2):
            assert serve(rig, client, wrong).startswith(b"HTTP/1.1 %d" % status)


def test_two_at_once_are_parsed_and_answered_in_order(rig: Rig) -> None:
    client = rig.client()
    serve(rig, client, request(chat("cloud")))
    client.send(request(chat("cloud", user="1")) + request(chat("cloud", user="2")))
    rig.reply(whole(), "cloud")
    rig.spin()
    rig.reply(whole(), "cloud")
    assert [answer.status for answer in client.answers] == [200] * 3
    # One that comes while another runs waits for it.
    client.send(request(chat("cloud", user="3")))
    client.send(request(chat("cloud", user="4")))
    rig.reply(whole(), "cloud")
    rig.spin()
    rig.reply(whole(), "cloud")
    assert [answer.status for answer in client.answers] == [200] * 5


def test_a_new_snapshot_is_asked_again(rig: Rig) -> None:
    client = rig.client()
    parsed = Parsed(client)
    serve(rig, client, request(chat("cloud")))
    rig.apply(snapshot(keys=()))
    assert serve(rig, client, request(chat("cloud"))).startswith(b"HTTP/1.1 401")
    assert len(parsed.fed) == 2


def test_an_expired_key_is_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from glowplug.gateway import auth

    now = 1000.0
    monkeypatch.setattr(auth, "time", lambda: now)
    rig.apply(snapshot(keys=(key(KEY, "user", expires_at=2000.0),)))
    client = rig.client()
    assert serve(rig, client, request(chat("cloud"))).startswith(b"HTTP/1.1 200")
    now = 2000.0
    assert serve(rig, client, request(chat("cloud"))).startswith(b"HTTP/1.1 401")


def test_a_key_may_still_use_only_its_routes(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", routes=("/v1/chat/completions",)),)))
    client = rig.client()
    for _ in range(2):
        assert serve(rig, client, request(chat("cloud"))).startswith(b"HTTP/1.1 200")


def test_a_body_that_is_too_long_is_refused_as_ever(rig: Rig) -> None:
    rig.limits(body_bytes=200)
    client = rig.client()
    assert serve(rig, client, request(chat("cloud"))).startswith(b"HTTP/1.1 200")
    assert serve(rig, client, request(chat("cloud", user="x" * 200))).startswith(b"HTTP/1.1 413")


def test_while_the_worker_drains_nothing_is_kept_open(rig: Rig) -> None:
    client = rig.client()
    serve(rig, client, request(chat("cloud")))
    rig.plane.draining = True
    assert b"connection: close" in serve(rig, client, request(chat("cloud")))


def test_a_client_whose_heads_always_differ_pays_a_few_times_only(rig: Rig) -> None:
    client = rig.client()
    for number in range(TRIES + 3):
        serve(rig, client, request(chat("cloud"), headers=[f"X-Request-Id: {number}"]))
    assert client.conn.heads_seen == TRIES


class Found:
    """What the parser finds."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.names: dict[bytes, bytes] = {}
        self.ended = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.names[name.lower()] = value

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)

    def on_message_complete(self) -> None:
        self.ended += 1


@given(st.lists(st.tuples(st.sampled_from(["A", "b", "X-Y"]), st.text("abc 123:", max_size=8)), max_size=3),
       st.lists(st.binary(max_size=30), min_size=1, max_size=4))  # fmt: skip
def test_what_is_known_is_what_a_parser_would_find(lines: list[tuple[str, str]], bodies: list[bytes]) -> None:
    """Bytes that are taken for the head with a body are one whole request with that body, for another parser too."""
    named = [f"{name}{number}: {value}" for number, (name, value) in enumerate(lines)]
    known = remember(head(*named) + b"{}", PATH, fields(*named), KIND, SNAPSHOT)
    assert known is not None
    for text in bodies:
        data = head(*named, length=len(text)) + text
        assert body(known, data) == text

        found = Found()
        httptools.HttpRequestParser(found).feed_data(data)
        assert (b"".join(found.parts), found.ended) == (text, 1)
        assert {k: v.strip() for k, v in found.names.items() if k != b"content-length"} == known.fields


def test_limits_hold_for_what_is_not_parsed(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", rpm=2),), limits=Limits()))
    client = rig.client()
    statuses = [serve(rig, client, request(chat("cloud")))[9:12] for _ in range(3)]
    assert statuses == [b"200", b"200", b"429"]
