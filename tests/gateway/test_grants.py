"""Grants, revokes and leases: what control is told, and when."""

from __future__ import annotations

import pytest

from glowplug.domain.instance import Failure, FailureKind
from glowplug.wire import link
from tests.gateway.rig import Rig, chat, cloud, local, snapshot, whole


def test_leases_are_reported_from_none_to_some_and_back(rig: Rig) -> None:
    rig.grant()
    for _ in range(3):
        rig.ask(chat("local"))
    assert rig.plane.grants.held()[0].active == 3
    for up in rig.ups:
        up.say(whole())
    assert rig.uplink.take() == [link.Activity("i1", True), link.Activity("i1", False)]


def test_a_revoke_waits_for_the_last_lease(rig: Rig) -> None:
    rig.grant()
    clients = [rig.ask(chat("local")) for _ in range(2)]
    rig.uplink.take()
    rig.plane.grants.revoke("i1")
    late = rig.ask(chat("local"))
    assert rig.uplink.take() == [link.Ensure("local", 1)], "nothing new is admitted, and it is not drained yet"
    rig.ups[0].say(whole())
    assert rig.uplink.take() == []
    rig.ups[1].say(whole())
    assert rig.uplink.take() == [link.Activity("i1", False), link.Drained("i1")]
    assert all(up.wire.aborted for up in rig.ups), "its connections are not kept"
    assert [c.answer.status for c in clients] == [200, 200]
    rig.grant("local", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    assert late.answer.status == 200


def test_a_revoke_without_leases_or_of_somebody_unknown_is_drained_at_once(rig: Rig) -> None:
    rig.grant()
    rig.plane.grants.revoke("i1")
    rig.plane.grants.revoke("i1")
    rig.plane.grants.revoke("nobody")
    assert rig.uplink.take() == [link.Drained("i1"), link.Drained("i1"), link.Drained("nobody")]
    assert rig.plane.grants.instances == {}
    rig.ask(chat("local"))
    assert rig.uplink.take() == [link.Ensure("local", 1)]


def test_a_grant_again_takes_a_revoke_back(rig: Rig) -> None:
    rig.grant()
    client = rig.ask(chat("local"))
    rig.plane.grants.revoke("i1")
    rig.grant()
    rig.reply(whole(), "i1")
    assert link.Drained("i1") not in rig.uplink.take()
    second = rig.ask(chat("local"))
    rig.reply(whole(), "i1")
    assert [client.answer.status, second.answer.status] == [200, 200]


def test_a_suspect_is_not_used_until_it_is_granted_again(rig: Rig) -> None:
    rig.grant()
    first = rig.ask(chat("waits"))
    rig.up("i1").wire.lose(ConnectionResetError())
    rig.spin()
    sent = rig.uplink.take()
    assert [m.instance for m in sent if isinstance(m, link.Suspect)] == ["i1"]
    rig.reply(whole(), "cloud")
    assert first.answer.status == 200
    second = rig.ask(chat("waits"))
    assert rig.uplink.take() == [link.Ensure("local", 1)]
    rig.grant()
    rig.spin()
    rig.reply(whole(), "i1")
    assert second.answer.status == 200


def test_a_grant_of_a_model_nobody_knows_is_kept_for_the_snapshot_that_does(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("cloud"),), aliases=()))
    rig.grant("local")
    rig.apply(snapshot())
    client = rig.ask(chat("local"))
    rig.reply(whole(), "i1")
    assert client.answer.status == 200


def test_a_removed_model_finishes_and_drains(rig: Rig) -> None:
    rig.grant()
    client = rig.ask(chat("local"))
    rig.apply(snapshot(models=(cloud("cloud"),), aliases=()))
    rig.plane.grants.revoke("i1")
    rig.reply(whole(), "i1")
    assert client.answer.status == 200
    assert rig.uplink.take()[-1] == link.Drained("i1")


def test_a_model_that_becomes_remote(rig: Rig) -> None:
    waiting = rig.ask(chat("local"))
    rig.apply(snapshot(models=(cloud("local"),), aliases=()))
    assert waiting.answer.status == 503
    client = rig.ask(chat("local"))
    rig.reply(whole(), "local")
    assert client.answer.status == 200
    rig.apply(snapshot(models=(local("local"),), aliases=()))
    assert rig.ask(chat("local")).wire.data == b""


@pytest.mark.parametrize("until", [0.0, 4e9])
def test_a_failure_is_told_until_it_may_be_tried_again(rig: Rig, until: float) -> None:
    rig.plane.grants.fail("local", Failure(kind=FailureKind.BAD_FLAG, message="no such flag", until=until))
    client = rig.ask(chat("local"))
    if until:
        assert client.answer.json["error"]["reason"] == "bad_flag"
        assert rig.uplink.take() == []
    else:
        assert rig.uplink.take() == [link.Ensure("local", 1)]
    rig.plane.grants.fail("nobody", Failure(kind=FailureKind.CRASH, message="x"))


def test_what_is_waited_for_is_asked_again(rig: Rig) -> None:
    for _ in range(2):
        rig.ask(chat("local"))
    rig.uplink.take()
    rig.plane.grants.resend()
    assert rig.uplink.take() == [link.Ensure("local", 2)]
