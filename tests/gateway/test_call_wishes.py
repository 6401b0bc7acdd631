"""What a request may say of its own serving, `keep_alive`, and what a model's configuration adds to it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from glowplug.wire import link
from tests.gateway.endpoints import ALL, Case, error_of, every_case, everything
from tests.gateway.rig import Rig, chat, local, snapshot, whole


@every_case
def test_keep_alive_on_every_endpoint(rig: Rig, case: Case) -> None:
    rig.apply(everything())
    rig.grant()
    if case.form:
        client = case.ask(rig, "local", "x-glowplug-keep-alive: 10m")
    else:
        body = {**case.body("local"), "keep_alive": "10m"}
        client = rig.ask(body, path=case.path)
    sent = rig.up("i1").request
    assert b"keep_alive" not in sent
    assert b"keep-alive" not in sent
    rig.reply(case.good)
    assert client.answer.status == 200
    assert rig.uplink.take() == [link.Activity("i1", True), link.Activity("i1", False, 600.0)]


@every_case
@pytest.mark.parametrize("header", [False, True])
def test_a_bad_one_is_refused(rig: Rig, case: Case, header: bool) -> None:
    rig.apply(everything())
    rig.grant()
    if header:
        client = case.ask(rig, "local", "x-glowplug-keep-alive: soon")
    elif case.form:
        return
    else:
        client = rig.ask({**case.body("local"), "keep_alive": "soon"}, path=case.path)
    assert client.answer.status == 400
    assert error_of(case, client)["code"] == "bad_keep_alive"
    assert rig.ups == []


@pytest.mark.parametrize(("said", "most", "kept"), [
    ("5m", math.inf, 300.0), (-1, math.inf, math.inf), (-1, 3600.0, 3600.0), ("2h", 3600.0, 3600.0), (0, 3600.0, 0.0),
    (None, 3600.0, None),
])  # fmt: skip
def test_it_is_clamped(rig: Rig, said: object, most: float, kept: float | None) -> None:
    rig.apply(snapshot(models=(local("local", keep_alive_most=most),), aliases=()))
    rig.grant()
    rig.ask(chat("local", keep_alive=said))
    rig.reply(whole())
    assert rig.uplink.take()[-1] == link.Activity("i1", False, kept)


def test_the_header_decides(rig: Rig) -> None:
    rig.grant()
    rig.ask(chat("local", keep_alive=5), headers=["X-Glowplug-Keep-Alive: 7"])
    rig.reply(whole())
    assert rig.uplink.take()[-1] == link.Activity("i1", False, 7.0)


@pytest.mark.parametrize(("first", "second", "kept"), [(5, None, None), (None, 5, 5.0), (5, 9, 9.0)])
def test_the_request_that_ends_last_decides(rig: Rig, first: object, second: object, kept: float | None) -> None:
    rig.grant()
    for wish in (first, second):
        rig.ask(chat("local", **({} if wish is None else {"keep_alive": wish})))
    for up in rig.ups:
        up.say(whole())
    assert rig.uplink.take() == [link.Activity("i1", True), link.Activity("i1", False, kept)]


def test_a_client_that_leaves_has_said_it(rig: Rig) -> None:
    rig.grant()
    client = rig.ask(chat("local", keep_alive=5))
    client.wire.lose()
    assert rig.uplink.take()[-1] == link.Activity("i1", False, 5.0)


def test_the_rest_of_the_body_is_as_it_came(rig: Rig) -> None:
    rig.ask(b'{ "model" : "cloud", "keep_alive" : "5m" ,\t"unknown": 1.50 }')
    sent = rig.up("cloud").request.partition(b"\r\n\r\n")[2]
    assert sent == b'{ "model" : "up-cloud", \t"unknown": 1.50 }'
    rig.reply(whole())


@every_case
def test_defaults_of_the_model(rig: Rig, case: Case) -> None:
    models = (local("local", capabilities=ALL, request_defaults={"max_tokens": 77, "seed": 1}),)
    rig.apply(snapshot(models=models, aliases=()))
    rig.grant()
    case.ask(rig, "local")
    sent = rig.up("i1").request.partition(b"\r\n\r\n")[2]
    path = case.path.partition("?")[0]
    if path in ("/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses"):
        found: dict[str, Any] = json.loads(sent)
        most = "max_output_tokens" if path == "/v1/responses" else "max_tokens"
        assert (found.pop(most), found.pop("seed")) == (77, 1)
        found.pop("stream_options", None)
        assert found == case.body("local")
    else:
        assert b"77" not in sent
    rig.reply(case.good)


def test_defaults_change_with_the_revision(rig: Rig) -> None:
    rig.grant()
    for most in (5, 6):
        rig.apply(snapshot(models=(local("local", request_defaults={"max_tokens": most}),), aliases=()))
        rig.ask(chat("local"))
        assert rig.up("i1").body["max_tokens"] == most
        rig.reply(whole())
    rig.ask(chat("local", max_completion_tokens=3))
    assert "max_tokens" not in rig.up("i1").body
    rig.reply(whole())
