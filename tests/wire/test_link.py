"""Frames of the link: any cut, nothing too long, no garbage."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Loading
from glowplug.domain.route_plan import RouteQuestion, Unexplained
from glowplug.domain.snapshot import ModelRoute, Snapshot
from glowplug.wire import link

PLACE = Endpoint(instance="i1", model="m", host="127.0.0.1", port=1, key="k")
TO_CONTROL: list[link.ToControl] = [
    link.Hello("w0", 7, link.PROTOCOL, (link.Held(PLACE, 2),)),
    link.Ensure("m", 3),
    link.Waiting("m", 2),
    link.Activity("i1", True),
    link.Drained("i1"),
    link.Suspect("i1", "why"),
    link.KeysUsed({"key_1": 1.5}),
    link.Met("key_1", "curl/8", 1.5),
    link.Explained(4, None, Unexplained(status=404, code="model_not_found", message="there is no m")),
]
TO_WORKER: list[link.ToWorker] = [
    link.SetSnapshot(
        Snapshot(revision=1, pepper=b"\x00\xff", models=(ModelRoute(name="m", local=True, upstream_model="m"),))
    ),
    link.Granted(PLACE),
    link.Revoked("i1"),
    link.Progress(Loading(model="m", state="loading", progress=0.5)),
    link.Memory("i", 5 << 30, 4 << 30),
    link.Failed("m", Failure(kind=FailureKind.CRASH, message="it died", log_tail=("a", "b"))),
    link.Explain(4, RouteQuestion(model="m", key="k", body=b"{}", headers={"x-glowplug-tags": "a"})),
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(TO_CONTROL), max_size=5), st.lists(st.integers(0, 400), max_size=10))
def test_any_cut_gives_the_same_messages(messages: list[link.ToControl], cuts: list[int]) -> None:
    data = b"".join(link.encode(m) for m in messages)
    places = sorted({min(c, len(data)) for c in cuts})
    frames = link.Frames()
    got = []
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        got += [link.decode_to_control(body) for body in frames.feed(data[start:end])]
    assert got == messages


@pytest.mark.parametrize("message", TO_WORKER, ids=lambda m: type(m).__name__)
def test_messages_to_workers_come_back(message: link.ToWorker) -> None:
    (body,) = link.Frames().feed(link.encode(message))
    assert link.decode_to_worker(body) == message


def test_the_two_directions_do_not_mix() -> None:
    (body,) = link.Frames().feed(link.encode(link.Revoked("i")))
    with pytest.raises(link.FrameError):
        link.decode_to_control(body)


def test_a_frame_that_is_too_long_is_refused_before_it_arrives() -> None:
    with pytest.raises(link.FrameError, match="longer"):
        list(link.Frames().feed((link.MAX_FRAME + 1).to_bytes(4, "big")))
    assert list(link.Frames().feed(link.MAX_FRAME.to_bytes(4, "big"))) == []


@given(st.binary(max_size=60))
def test_garbage_is_a_frame_error(body: bytes) -> None:
    for decode in (link.decode_to_control, link.decode_to_worker):
        with contextlib.suppress(link.FrameError):
            decode(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", msgspec.msgpack.encode({"type": "Nobody"}), msgspec.msgpack.encode(["Ensure"]), b"\x91" * 100_000],
)
def test_what_is_no_message(body: bytes) -> None:
    for decode in (link.decode_to_control, link.decode_to_worker):
        with pytest.raises(link.FrameError):
            decode(body)
