from __future__ import annotations

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.access import Role
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Loading
from glowplug.domain.snapshot import KeyRoute, ModelRoute, Snapshot
from glowplug.wire import link

ENDPOINT = Endpoint(instance="i_1", model="m", host="127.0.0.1", port=4321, key="k")
TO_CONTROL: list[link.ToControl] = [
    link.Hello("w0-1-2", 1, held=(link.Held(ENDPOINT, 3),)),
    link.Ensure("m", 1),
    link.Waiting("m", 0),
    link.Activity("i_1", True),
    link.Drained("i_1"),
    link.Suspect("i_1", "connection refused"),
    link.KeysUsed({"key_1": 1.5}),
]
TO_WORKER: list[link.ToWorker] = [
    link.SetSnapshot(
        Snapshot(
            revision=1,
            pepper=b"p" * 32,
            models=(ModelRoute(name="m", local=True, upstream_model="m"),),
            keys=(KeyRoute(id="key_1", digest=b"d" * 32, role=Role.ADMIN),),
        )
    ),
    link.Granted(ENDPOINT),
    link.Revoked("i_1"),
    link.Progress(Loading("m", "loading", progress=0.5)),
    link.Failed("m", Failure(kind=FailureKind.CRASH, message="it died", log_tail=("a", "b"))),
]


def _body(message: link.ToControl | link.ToWorker) -> bytes:
    (body,) = link.Frames().feed(link.encode(message))
    return body


def test_every_message_goes_through_and_none_is_forgotten_here() -> None:
    for to_control in TO_CONTROL:
        assert link.decode_to_control(_body(to_control)) == to_control
    for to_worker in TO_WORKER:
        assert link.decode_to_worker(_body(to_worker)) == to_worker
    assert {type(message) for message in TO_CONTROL} == set(typing.get_args(link.ToControl))
    assert {type(message) for message in TO_WORKER} == set(typing.get_args(link.ToWorker))


@given(st.data())
def test_any_split_gives_the_same_messages(data: st.DataObject) -> None:
    stream = b"".join(link.encode(message) for message in TO_CONTROL)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    frames = link.Frames()
    bodies = [
        body
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for body in frames.feed(stream[start:end])
    ]
    assert [link.decode_to_control(body) for body in bodies] == TO_CONTROL


def test_a_frame_that_is_too_long_is_refused_before_it_arrives() -> None:
    with pytest.raises(link.FrameError, match="longer than"):
        list(link.Frames().feed((link.MAX_FRAME + 1).to_bytes(4, "big")))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01\x02\x03"])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(link.FrameError):
        link.decode_to_control(body)
    with pytest.raises(link.FrameError):
        link.decode_to_worker(body)


def test_a_message_of_the_other_direction_is_refused() -> None:
    with pytest.raises(link.FrameError):
        link.decode_to_control(_body(link.Revoked("i_1")))
    with pytest.raises(link.FrameError):
        link.decode_to_worker(_body(link.Drained("i_1")))
