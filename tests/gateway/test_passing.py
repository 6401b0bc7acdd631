"""Files and batches that pass to a provider."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.model import Capability
from glowplug.domain.snapshot import AliasRoute, Snapshot
from glowplug.domain.usage import Outcome
from glowplug.gateway.passing import found
from tests.gateway.rig import END, KEY, Client, Rig, cloud, key, local, snapshot, whole

FILES = (Capability.FILES,)
CLAUDE = cloud(
    "claude", capabilities=(Capability.MESSAGES, Capability.FILES), base_url="http://127.0.0.1:1/anthropic/v1"
)


def _snapshot(**more: Any) -> Snapshot:
    models = (local("here", capabilities=tuple(Capability)), cloud("chats"), cloud("a", capabilities=FILES))
    aliases = (AliasRoute(name="both", targets=("a", "b")),)
    return snapshot(**{"models": (*models, cloud("b", capabilities=FILES), CLAUDE), "aliases": aliases, **more})


@pytest.fixture
def files(rig: Rig) -> Rig:
    rig.apply(_snapshot())
    return rig


def _get(rig: Rig, path: str, *headers: str, method: str = "GET", body: Any = None, **more: Any) -> Client:
    return rig.ask(body, path=path, method=method, headers=headers, **more)


@pytest.mark.parametrize(("path", "name", "below"), [
    (b"/v1/files", "files", b"/files"), (b"/files", "files", b"/files"), (b"/v1/files/f-1", "files", b"/files/f-1"),
    (b"/v1/files/f-1/content", "files", b"/files/f-1/content"), (b"/v1/batches", "batches", b"/batches"),
    (b"/v1/uploads", "uploads", b"/uploads"), (b"/uploads/u_1/parts", "uploads", b"/uploads/u_1/parts"),
    (b"/v1/uploads/u_1/complete", "uploads", b"/uploads/u_1/complete"),
    (b"/v1/uploads/u_1/cancel", "uploads", b"/uploads/u_1/cancel"),
    (b"/v1/batches/b_1/cancel", "batches", b"/batches/b_1/cancel"),
    (b"/v1/messages/batches", "message_batches", b"/messages/batches"),
    (b"/v1/messages/batches/m/results", "message_batches", b"/messages/batches/m/results"),
])  # fmt: skip
def test_what_passes(path: bytes, name: str, below: bytes) -> None:
    what = found(path)
    assert what is not None
    assert (what[0].name, what[1]) == (name, below)


@pytest.mark.parametrize("path", [
    b"/v1/files/", b"/v1/files/..", b"/v1/files/../models", b"/v1/files/a/b", b"/v1/files/a%2fb", b"/v1/filesystem",
    b"/v1/batches/a/content", b"/v1/messages/batches/a/b/c", b"/v1/files/a\n", b"/v1/files//content", b"/x/v1/files",
    b"/v1/files/" + b"a" * 129, b"/v1/uploads/u", b"/v1/uploads/u/parts/p", b"/v1/uploads/u/content",
])  # fmt: skip
def test_what_does_not_pass(path: bytes) -> None:
    assert found(path) is None


def test_a_request_as_it_goes_upstream(files: Rig) -> None:
    client = _get(
        files, "/v1/files?purpose=batch&model=b&limit=2", "Content-Type: multipart/form-data; boundary=x", "X-Other: 1",
        "Cookie: secret", method="POST", body=b"\x00raw\r\n",
    )  # fmt: skip
    head, _, body = files.up("b").request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /v1/files?purpose=batch&limit=2 HTTP/1.1", b"host: 127.0.0.1:1", b"authorization: Bearer sk-cloud",
        b"accept: */*", b"content-length: 6", b"content-type: multipart/form-data; boundary=x",
    ]  # fmt: skip
    assert body == b"\x00raw\r\n"
    files.reply(whole({"id": "f"}))
    assert client.answer.json == {"id": "f"}
    assert client.answer.headers["x-glowplug-model"] == "b"
    (end,) = files.journal.ends
    assert (end.model, end.path, end.outcome, end.prompt_tokens, end.completion_tokens, end.estimated) == (
        "b", "files", Outcome.OK, 0, 0, False,
    )  # fmt: skip


@pytest.mark.parametrize(("path", "headers", "where"), [
    ("/v1/files", (), "a"), ("/v1/files", ("X-Glowplug-Model: b",), "b"), ("/v1/files?model=b", (), "b"),
    ("/v1/files", ("X-Glowplug-Model: both",), "a"), ("/v1/batches/x", (), "a"), ("/v1/messages/batches", (), "claude"),
])  # fmt: skip
def test_who_is_asked(files: Rig, path: str, headers: tuple[str, ...], where: str) -> None:
    client = _get(files, path, *headers)
    files.reply(whole({}), where)
    assert client.answer.status == 200


def test_batches_of_anthropic(files: Rig) -> None:
    _get(files, "/v1/messages/batches/m1", "anthropic-version: 2023-06-01", "x-api-key: nobody", method="DELETE")
    head = files.up("claude").request
    assert head.startswith(b"DELETE /anthropic/v1/messages/batches/m1 HTTP/1.1\r\n")
    assert b"x-api-key: sk-cloud\r\n" in head
    assert b"anthropic-version: 2023-06-01\r\n" in head
    assert b"nobody" not in head
    assert KEY.encode() not in head
    files.reply(whole({}))


def test_an_answer_passes_as_it_comes(files: Rig) -> None:
    client = _get(files, "/v1/files/f/content")
    files.reply(
        b"HTTP/1.1 200 OK\r\ncontent-type: x/y\r\nset-cookie: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\n\x00ab\r\n"
    )
    assert client.wire.data.endswith(b"3\r\n\x00ab\r\n")
    assert not files.journal.ends
    files.reply(END)
    answer = client.answer
    assert (answer.body, answer.complete, answer.headers["content-type"]) == (b"\x00ab", True, "x/y")
    assert "set-cookie" not in answer.headers
    assert not client.wire.closing


def test_a_slow_reader_slows_the_upstream(files: Rig) -> None:
    client = _get(files, "/v1/files/f/content")
    files.reply(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
    client.conn.pause_writing()
    assert not files.up().wire.reading
    client.conn.resume_writing()
    assert files.up().wire.reading
    files.reply(b"cd")
    assert client.answer.body == b"abcd"


def test_an_answer_that_breaks_is_cut(files: Rig) -> None:
    client = _get(files, "/v1/files/f/content")
    files.reply(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
    files.up().wire.lose()
    files.spin()
    assert (client.answer.body, client.answer.complete) == (b"ab", False)
    assert client.wire.closing
    assert [r.outcome for r in files.journal.ends] == [Outcome.UPSTREAM_ERROR]


@pytest.mark.parametrize("status", [400, 404, 204])
def test_other_answers(files: Rig, status: int) -> None:
    client = _get(files, "/v1/files/f", method="DELETE")
    files.reply(b"HTTP/1.1 204 X\r\n\r\n" if status == 204 else whole({"a": 1}, status, "location: http://elsewhere"))
    assert client.answer.status == status
    assert "location" not in client.answer.headers
    assert len(files.ups) == 1


@pytest.mark.parametrize("status", [302, 304, 307])
def test_a_redirect_is_not_followed_and_the_next_provider_is_asked(files: Rig, status: int) -> None:
    client = _get(files, "/v1/files", "X-Glowplug-Model: both")
    files.reply(whole(b"", status, "location: http://elsewhere"), "a")
    files.reply(whole({"from": "b"}), "b")
    assert (client.answer.status, client.answer.json) == (200, {"from": "b"})
    assert [end.outcome for end in files.journal.ends] == [Outcome.UPSTREAM_ERROR, Outcome.OK]


def test_a_provider_that_does_not_know_our_key(files: Rig) -> None:
    client = _get(files, "/v1/files", "X-Glowplug-Model: both")
    files.reply(whole({}, 401), "a")
    files.reply(whole({"from": "b"}), "b")
    assert client.answer.json == {"from": "b"}
    files.plane.tables.targets["a"].breaker = None  # it is asked again, however soon that is
    client = _get(files, "/v1/files")
    files.ups[0].say(whole({}, 401))
    files.spin()
    assert (client.answer.status, client.answer.code) == (502, "upstream_credentials")


def test_who_may_not(files: Rig) -> None:
    assert _get(files, "/v1/files", token=None).answer.status == 401
    assert _get(files, "/v1/files", "X-Glowplug-Model: here").answer.code == "wrong_endpoint"
    assert _get(files, "/v1/files", "X-Glowplug-Model: chats").answer.code == "wrong_endpoint"
    assert _get(files, "/v1/files", "X-Glowplug-Model: none").answer.status == 404
    assert _get(files, "/v1/files", method="TRACE").answer.code == "method_not_allowed"
    files.apply(_snapshot(keys=(key(KEY, "user", models=("chats", "here")),)))
    assert _get(files, "/v1/files").answer.code == "wrong_endpoint"
    assert _get(files, "/v1/files", "X-Glowplug-Model: a").answer.status == 403
    files.apply(_snapshot(keys=(key(KEY, "user", models=("a", "b")),)))
    assert _get(files, "/v1/messages/batches").answer.status == 400, "they do not speak that wire"
    assert _get(files, "/v1/messages/batches", "X-Glowplug-Model: a").answer.status == 400
    assert files.ups == []


def test_a_client_that_leaves(files: Rig) -> None:
    client = _get(files, "/v1/files/f/content")
    files.reply(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
    client.wire.lose()
    files.spin()
    assert files.up().wire.closing
    assert [r.outcome for r in files.journal.ends] == [Outcome.CLIENT_GONE]


def test_a_kept_connection_that_had_died_is_made_anew(files: Rig) -> None:
    _get(files, "/v1/files")
    files.reply(whole({}))
    client = _get(files, "/v1/files/f")
    files.up().wire.lose()
    files.spin()
    assert len(files.ups) == 2
    files.reply(whole({"n": 2}))
    assert client.answer.json == {"n": 2}


def test_an_upload_in_parts(files: Rig) -> None:
    whole_upload = (
        ("", b"{}"),
        ("/u_1/parts", b"\x00part"),
        ("/u_1/complete", b'{"part_ids":["p"]}'),
        ("/u_1/cancel", b""),
    )
    for below, body in whole_upload:
        client = _get(files, f"/v1/uploads{below}", "X-Glowplug-Model: b", method="POST", body=body)
        sent = files.up("b").request
        assert sent.startswith(b"POST /v1/uploads%b HTTP/1.1\r\n" % below.encode()) and sent.endswith(body)
        files.reply(whole({"id": "u_1"}), "b")
        assert client.answer.json == {"id": "u_1"}
    assert {end.path for end in files.journal.ends} == {"uploads"}


def test_an_upload_that_nobody_takes(rig: Rig) -> None:
    rig.apply(snapshot(models=(local("here", capabilities=tuple(Capability)), cloud("chats")), aliases=()))
    client = _get(rig, "/v1/uploads", method="POST", body=b"{}")
    assert (client.answer.status, client.answer.json["error"]["code"]) == (400, "wrong_endpoint")


@pytest.mark.parametrize("status", [200, 404])
def test_what_passes_says_that_the_name_is_deprecated(files: Rig, status: int) -> None:
    files.apply(_snapshot(revision=2, aliases=(AliasRoute(name="old", targets=("b",), deprecated=7),)))
    client = _get(files, "/v1/files/f-1?model=old")
    files.reply(whole({"id": "f-1"}, status), "b")
    assert client.answer.status == status
    assert client.answer.headers["deprecation"] == "@7"
    assert client.answer.headers["x-glowplug-deprecated"] == "use b"
