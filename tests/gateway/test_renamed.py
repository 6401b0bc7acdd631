"""A model gets another name while requests wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.snapshot import AliasRoute, Snapshot
from tests.gateway.rig import KEY, Rig, chat, cloud, key, local, snapshot, whole


def _old(name: str, *targets: str) -> AliasRoute:
    return AliasRoute(name=name, targets=targets, deprecated=7)


def _renamed(*aliases: AliasRoute, **more: Any) -> Snapshot:
    models = (cloud("cloud"), local("new"))
    return snapshot(
        revision=2, models=models, aliases=(_old("local", "new"), _old("cloud2", "new-cloud"), *aliases), **more
    )


@pytest.mark.parametrize("asked", ["local", "first"])
@pytest.mark.parametrize("stream", [False, True])
def test_who_waits_for_its_engine(rig: Rig, asked: str, stream: bool) -> None:
    rig.apply(snapshot(aliases=(AliasRoute(name="first", targets=("local",)),)))
    client = rig.ask(chat(asked, stream=stream))
    rig.apply(_renamed(AliasRoute(name="first", targets=("new",))))
    assert client.wire.data == b""
    rig.grant("new", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    assert client.answer.status == 200
    (end,) = rig.journal.ends
    assert (end.asked, end.model) == (asked, "new")


def test_who_stands_in_line_for_a_slot(rig: Rig) -> None:
    rig.apply(snapshot(models=(local("local", max_concurrency=1),), aliases=()))
    rig.grant()
    busy, waits = rig.ask(chat("local")), rig.ask(chat("local"))
    rig.apply(_renamed())
    rig.spin()
    rig.reply(whole(), "i1")
    assert (busy.answer.status, waits.wire.data) == (200, b"")
    rig.grant("new", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    assert waits.answer.status == 200


def test_what_was_tried_stays_tried(rig: Rig) -> None:
    rig.apply(snapshot(aliases=(AliasRoute(name="all", targets=("cloud", "local")),)))
    client = rig.ask(chat("all"))
    rig.reply(whole({"error": {}}, 500), "cloud")
    rig.apply(_renamed(AliasRoute(name="all", targets=("cloud", "new"))))
    rig.spin()
    rig.grant("new", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    assert (client.answer.status, client.answer.headers["x-glowplug-attempts"]) == (200, "2")
    assert [up.where for up in rig.ups] == ["cloud", "i2"]


def test_an_engine_that_breaks_is_asked_for_under_its_new_name(rig: Rig) -> None:
    rig.grant()
    client = rig.ask(chat("local"))
    rig.apply(_renamed())
    rig.up("i1").wire.lose(ConnectionResetError())
    rig.spin()
    assert client.wire.data == b""
    rig.grant("new", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    assert client.answer.status == 200


def test_a_failure_of_what_is_gone_comes_too_late(rig: Rig) -> None:
    """Control stops an engine that has another name once the workers know of it."""
    client = rig.ask(chat("local"))
    rig.apply(_renamed())
    rig.plane.grants.fail("local", Failure(kind=FailureKind.STOPPED, message="it was removed"))
    assert client.wire.data == b""
    rig.grant("new", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    assert client.answer.status == 200


def test_who_waits_for_what_is_removed_is_still_told(rig: Rig) -> None:
    client = rig.ask(chat("local"))
    alias = AliasRoute(name="local", targets=("cloud",))  # a person's own, and no rename
    rig.apply(snapshot(revision=2, models=(cloud("cloud"),), aliases=(alias,)))
    assert client.answer.status == 503
    assert "the configuration has no such engine any more" in client.answer.json["error"]["message"]
    assert client.answer.json["error"]["reason"] == "stopped"


def test_a_key_for_the_old_name_alone_goes_on(rig: Rig) -> None:
    """A rename lets whoever may use the old name use the new one; a snapshot in between may not say so yet."""
    keys = (key(KEY, "user", models=("local",)),)
    rig.apply(snapshot(keys=keys))
    client = rig.ask(chat("local"))
    rig.apply(_renamed(keys=keys))
    rig.grant("new", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    assert client.answer.status == 200
