"""Requests to who wants them signed: every attempt anew, over what is really sent."""

from __future__ import annotations

from calendar import timegm
from hashlib import sha256
from time import strptime, time

import msgspec
import pytest

from glowplug.domain.model import Capability
from glowplug.domain.provider import AwsKeys
from glowplug.wire.sigv4 import Signer
from tests.gateway.rig import Rig, chat, cloud, request, snapshot, whole

KEYS = AwsKeys(access_key="AKID", secret_key="hush", region="us-east-1", service="bedrock")
ELSEWHERE = b"HTTP/1.1 200 OK\r\nx-glowplug-target: cloud\r\ncontent-length: 0\r\n\r\n"
ALL = (Capability.CHAT, Capability.RESPONSES, Capability.FILES)


@pytest.fixture
def signed(rig: Rig) -> Rig:
    route = msgspec.structs.replace(cloud("cloud", capabilities=ALL), aws=KEYS, api_key="")
    rig.apply(snapshot(models=(route,), aliases=()))
    return rig


def sent(rig: Rig) -> tuple[dict[bytes, bytes], bytes, bytes]:
    """(header fields, request line, body) of what has been sent since this was asked last."""
    text = rig.up("cloud").request
    assert b"hush" not in text
    head, _, body = text.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return dict(line.split(b": ", 1) for line in lines), first, body


def check(rig: Rig, asked: bytes) -> None:
    fields, first, body = sent(rig)
    assert first == asked + b" HTTP/1.1"
    assert fields[b"x-amz-content-sha256"] == sha256(body).hexdigest().encode()
    assert int(fields[b"content-length"]) == len(body)
    moment = fields[b"x-amz-date"].decode()
    now = float(timegm(strptime(moment, "%Y%m%dT%H%M%SZ")))
    assert abs(now - time()) < 60
    signer = Signer(KEYS, fields[b"host"].decode())
    assert b"authorization: " + fields[b"authorization"] in signer.lines(first + b"\r\n", body, now)


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_signed_over_the_body_that_goes_upstream(signed: Rig, stream: bool) -> None:
    signed.ask(chat(stream=stream))
    check(signed, b"POST /v1/chat/completions")


def test_a_translation_is_signed_as_it_is_sent(signed: Rig) -> None:
    body = {"model": "cloud", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    signed.client().send(request(body, path="/v1/messages"))
    signed.spin()
    check(signed, b"POST /v1/chat/completions")


def test_what_is_asked_of_a_kept_response_is_signed(signed: Rig) -> None:
    client = signed.client().send(request(None, path="/v1/responses/resp_1?include=x", method="GET"))
    signed.spin()
    signed.reply(ELSEWHERE, "control")
    check(signed, b"GET /v1/responses/resp_1?include=x")
    signed.reply(whole({"id": "resp_1"}), "cloud")
    assert client.answer.status == 200


def test_files_do_not_pass_to_who_wants_signatures(signed: Rig) -> None:
    client = signed.client().send(request(None, path="/v1/files", method="GET"))
    signed.spin()
    assert client.answer.status >= 400


def test_others_carry_their_key(rig: Rig) -> None:
    rig.ask(chat())
    fields, _, _ = sent(rig)
    assert fields[b"authorization"] == b"Bearer sk-cloud" and b"x-amz-date" not in fields
