"""What a key's requests may do to the machine's memory, and who goes first."""

from __future__ import annotations

import pytest

from glowplug.domain.access import Rights
from glowplug.domain.model import Cold
from glowplug.domain.snapshot import AliasRoute
from glowplug.wire import link
from tests.gateway.endpoints import Case, error_of, every_loading_case, everything
from tests.gateway.rig import ALIASES, MODELS, Rig, chat, key, snapshot, whole

NAMES = {"evict": Rights.EVICT, "start": Rights.START, "warm": Rights.WARM}
KEYS = tuple(key(f"sk-{name}{p}", f"{name}{p}", rights=r, priority=p) for name, r in NAMES.items() for p in (0, 5))


def rights(**more: object) -> object:
    return snapshot(**{"keys": KEYS, **more})


@pytest.mark.parametrize(("askers", "sent"), [
    (["evict0"], [link.Ensure("local", 1, 0, True)]),
    (["start0"], [link.Ensure("local", 1, 0, False)]),
    (["start5"], [link.Ensure("local", 1, 5, False)]),
    (["start5", "evict0"], [link.Ensure("local", 1, 5, False), link.Ensure("local", 2, 5, True)]),
    (["evict0", "start5"], [link.Ensure("local", 1, 0, True), link.Ensure("local", 2, 5, True)]),
    (["start0", "start0"], [link.Ensure("local", 1, 0, False), link.Ensure("local", 2, 0, False)]),
])  # fmt: skip
def test_the_most_that_those_who_wait_may_ask_for(rig: Rig, askers: list[str], sent: list[link.Ensure]) -> None:
    rig.apply(rights())
    for name in askers:
        rig.ask(chat("local"), token=f"sk-{name}")
    assert rig.uplink.take() == sent
    rig.plane.grants.resend()
    assert rig.uplink.take() == sent[-1:]


@pytest.mark.parametrize(("leaves", "sent"), [
    (0, [link.Ensure("local", 2, 5, False)]),
    (1, [link.Ensure("local", 2, 0, True)]),
    (2, [link.Waiting("local", 2)]),
])  # fmt: skip
def test_it_is_told_anew_when_who_had_the_most_leaves(rig: Rig, leaves: int, sent: list[object]) -> None:
    rig.apply(rights())
    clients = [rig.ask(chat("local"), token=f"sk-{name}") for name in ("evict0", "start5", "start0")]
    rig.uplink.take()
    clients[leaves].wire.lose()
    assert rig.uplink.take() == sent


def test_rights_of_those_before_are_forgotten(rig: Rig) -> None:
    rig.apply(rights())
    rig.ask(chat("local"), token="sk-evict5").wire.lose()
    rig.uplink.take()
    rig.ask(chat("local"), token="sk-start0")
    assert rig.uplink.take() == [link.Ensure("local", 1, 0, False)]


def test_higher_keys_are_served_first_when_it_is_ready(rig: Rig) -> None:
    rig.apply(rights())
    for name in ("evict0", "start0", "evict5", "start5"):
        rig.ask(chat("local"), token=f"sk-{name}")
    rig.grant()
    rig.spin()
    assert [record.key for record in rig.journal.records] == ["evict5", "start5", "evict0", "start0"]


def test_warming_carries_rights_too(rig: Rig) -> None:
    rig.apply(rights())
    rig.ask(chat("warms"), token="sk-start5")
    assert rig.uplink.take() == [link.Ensure("local", 0, 5, False)]
    rig.ask(chat("local"), token="sk-evict0")
    rig.uplink.take()
    rig.plane.tables.targets["local"].warmed_at = -1e9
    rig.ask(chat("warms"), token="sk-start5")
    assert rig.uplink.take() == [link.Ensure("local", 1, 5, True)], "those who wait keep what they may"


# ---- keys that may use what is loaded


@every_loading_case
@pytest.mark.parametrize("cold", Cold)
def test_a_cold_model_is_refused_at_once(rig: Rig, case: Case, cold: Cold) -> None:
    rig.apply(everything(keys=KEYS, aliases=(AliasRoute(name="a", targets=("local", "rejected"), cold=cold),)))
    client = case.ask(rig, "a", token="sk-warm0")
    error = error_of(case, client)
    assert client.answer.status == 403
    assert error["code"] == "model_not_warm"
    assert error["type"] == "permission_error"
    assert "glowplug start local" in error["hint"]
    assert rig.uplink.take() == []


@pytest.mark.parametrize("alias", ["waits", "warms", "rejects"])
def test_the_next_target_answers(rig: Rig, alias: str) -> None:
    rig.apply(rights())
    client = rig.ask(chat(alias), token="sk-warm0")
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200
    assert rig.uplink.take() == []


@pytest.mark.parametrize("alias", ["local", "waits", "warms"])
def test_what_is_loaded_is_used(rig: Rig, alias: str) -> None:
    rig.apply(rights())
    rig.grant()
    client = rig.ask(chat(alias), token="sk-warm0")
    rig.reply(whole(), "i1")
    assert client.answer.status == 200


def test_a_model_that_breaks_is_not_started_again_for_it(rig: Rig) -> None:
    rig.apply(rights())
    rig.grant()
    client = rig.ask(chat("local"), token="sk-warm0")
    rig.up("i1").wire.lose(ConnectionResetError())
    rig.spin()
    assert client.answer.status == 502
    assert not [message for message in rig.uplink.take() if isinstance(message, link.Ensure)]


def test_a_revoked_model_is_not_waited_for(rig: Rig) -> None:
    rig.apply(rights(models=MODELS, aliases=ALIASES))
    rig.grant()
    rig.plane.grants.revoke("i1")
    assert rig.ask(chat("local"), token="sk-warm5").answer.json["error"]["code"] == "model_not_warm"
