"""The page: what is on it, and what never is."""

from __future__ import annotations

from typing import Any

import msgspec

from glowplug.domain.finding import Examination, Finding, Group, Looked, Severity
from glowplug.handover.page import TITLE, AliasFact, Facts, ModelFact, UnitFact, cleaner, page

FACTS = Facts(
    at=0.0,
    host="workshop",
    version="1",
    state="/srv/state",
    config="/srv/config.yaml",
    base_url="http://127.0.0.1:4000",
    running=True,
    database="SQLite",
    models=(
        ModelFact(name="chat-cloud", local=False, where="openai at api.openai.com", does="chat"),
        ModelFact(name="chat-a", local=True, where="this machine, llamacpp", does="chat", state="ready"),
    ),
    aliases=(
        AliasFact(name="chat", targets=("chat-a", "chat-cloud"), fallback=("spare",), cold="wait"),
        AliasFact(name="old", targets=("chat-a",), cold="wait", deprecated=True),
    ),
    units=(
        UnitFact(unit="glowplug.socket", file="same", enabled="enabled", active="active"),
        UnitFact(unit="glowplug-backup.timer", file="same", enabled="enabled", active="active"),
        UnitFact(unit="glowplug-smoke.timer", file="missing"),
    ),
)


def with_(**changes: Any) -> str:
    return page(msgspec.structs.replace(FACTS, **changes))


def test_everything_the_next_person_needs_is_there() -> None:
    text = page(FACTS)
    assert text.startswith(TITLE) and "workshop, 1970-01-01 00:00 UTC" in text
    assert "| `chat` | `chat-a`, then `chat-cloud` | `spare` | wait |" in text and "`old` (deprecated)" in text
    assert text.index("`chat-a` | this machine") < text.index("`chat-cloud` | openai"), "what is here comes first"
    assert "systemctl --user start glowplug.service" in text and "glowplug-smoke.timer" not in text
    assert "`glowplug-backup.timer` makes one every night" in text
    assert (
        "Local: name a model of this machine, `chat-a`" in text
        and "Cloud: name a model of a provider, `chat-cloud`" in text
    )
    for heading in ("What runs where", "Models", "Start and stop", "Verify", "Back up and restore", "What is open"):
        assert f"\n## {heading}\n" in text
    assert "Nothing was found." in text


def test_units_of_the_system_are_told_through_its_manager_and_by_their_name() -> None:
    text = with_(units=(UnitFact(unit="llm.socket", file="same", system=True),))
    assert "systemctl start llm.service" in text and "journalctl -u llm" in text and "--user" not in text


def test_without_units_models_and_a_server() -> None:
    text = with_(units=(), models=(), aliases=(), running=False, config="")
    assert "does not run now" in text and "glowplug up --state-dir /srv/state" in text
    assert "Nothing makes one by itself." in text and "None is configured." in text and "(there is none)" in text


def test_what_is_open_comes_worst_first() -> None:
    findings = tuple(
        Finding(check="machine-x", severity=severity, subject="it", summary=f"is {severity}", advice="mend it\nnow")
        for severity in (Severity.NOTE, Severity.ERROR)
    )
    looked = Looked(check="machine-x", title="x", group=Group.MACHINE, findings=findings)
    blind = Looked(check="machine-y", title="y", group=Group.MACHINE, could_not="it is dark")
    text = with_(problems=("a warning",), examination=Examination(checks=(looked, blind)))
    tail = text.partition("## What is open")[2]
    assert tail.index("a warning") < tail.index("is error") < tail.index("is note") < tail.index("it is dark")
    assert "  - mend it now\n" in tail and "Nothing was found" not in tail


def test_a_cell_cannot_break_its_table() -> None:
    assert "a\\|b c" in with_(models=(ModelFact(name="x", local=True, where="a|b\nc", does=""),))


def test_secrets_are_taken_out_wherever_they_are() -> None:
    clean = cleaner(["hunter22-long", "hunter22", "", "a"])
    assert clean("x hunter22-long y") == "x *** y"
    assert clean({"a": ["hunter22", 1, None], "b": ("postgresql://me:pw12345@h/d",)})["a"] == ["***", 1, None]
    assert "pw12345" not in clean("postgresql://me:pw12345@h/d")
    assert "abcdefgh12345678" not in clean("Authorization: Bearer abcdefgh12345678")
    assert clean("a cat") == "a cat", "what is short is no secret"
