"""The header lines that say who served."""

from __future__ import annotations

import re

from tests.gateway.rig import Rig, chat, whole


def test_who_served_and_how_long_it_took(rig: Rig) -> None:
    client = rig.ask(chat("cloud"))
    rig.reply(whole(), "cloud")
    headers = client.answer.headers
    assert headers["x-glowplug-model"] == "cloud"
    assert headers["x-glowplug-attempts"] == "1"
    assert headers["x-glowplug-reason"] == "first"
    assert headers["x-request-id"] == rig.journal.ends[0].request
    assert re.fullmatch(r"queue;dur=\d+\.\d\d, load;dur=\d+, upstream;dur=\d+\.\d\d", headers["server-timing"])
