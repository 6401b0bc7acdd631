from __future__ import annotations

from typing import Any

import msgspec
import pytest

from glowplug.cli.plan import _SOURCES, _VERDICTS, eviction_rows, last_failure, needs
from glowplug.domain.footprint import Footprint, Source
from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.plan import EvictionView, PlanView, Verdict
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def sent(**more: Any) -> dict[str, Any]:
    """A plan as the admin API sends it."""
    values: dict[str, Any] = {"model": "m", "verdict": Verdict.FITS, "why": "there is room", **more}
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(PlanView(**values)))
    return decoded


def test_script(script: Script) -> None:
    script.play("plan")


def test_there_are_words_for_every_verdict_and_source() -> None:
    assert set(_VERDICTS) == {verdict.value for verdict in Verdict}
    assert set(_SOURCES) == {source.value for source in Source}


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, "what it needs is not known beforehand"),
        ({"footprint": Footprint(source=Source.SIZE)}, ""),
        ({"claim": {"gpu0": 1 << 30}}, "needs 1 GiB of gpu0 (not known beforehand)"),
        (
            {"claim": {"gpu0": 1 << 30, "gpu1": 1 << 20, "host": 5}, "footprint": Footprint(source=Source.DECLARED)},
            "needs 1 GiB of gpu0, 1 MiB of gpu1 and 5 B of host (declared in the configuration; ±20%)",
        ),
        (
            {"claim": {"host": 1}, "footprint": Footprint(source=Source.HEADER, error=0.0, parts={"kv": 1, "x": 0})},
            "needs 1 B of host (estimated from the weights; kv 1 B)",
        ),
    ],
)  # fmt: skip
def test_what_it_needs_and_who_says_so(more: dict[str, Any], line: str) -> None:
    assert needs(sent(**more)) == line


def test_an_eviction_of_unknown_cost_has_no_time() -> None:
    plan = sent(evict=(EvictionView(model="a", why="idle", frees={"gpu0": 1 << 30}),))
    assert eviction_rows(plan["evict"]) == [["a", "ready", "1 GiB of gpu0", "", "idle"]]


def test_a_queue_shows_the_position_and_never_has_no_time(glowplug: Glowplug, server: FakeServer) -> None:
    plan = server.plan
    server.plan = lambda name: plan(name) | {"verdict": "waits", "queue_position": 2}  # type: ignore[method-assign]
    assert glowplug("plan", "chat-c-llamacpp").out.startswith(
        "chat-c-llamacpp has to wait; position 2 in the queue, ready in about 9s\n"
    )
    server.plan = lambda name: plan(name) | {"verdict": "never", "evict": []}  # type: ignore[method-assign]
    said = glowplug("plan", "chat-c-llamacpp")
    assert said.out.startswith("chat-c-llamacpp cannot be loaded\n") and "UNLOADS" not in said.out


def test_json_is_the_answer_as_it_is(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("plan", "chat-c-llamacpp", "--json").document == server.plan("chat-c-llamacpp")
    assert glowplug("plan", "chat-default", "--json").document["targets"] == ["chat-c-llamacpp", "chat-cloud"]


def test_a_failure_that_stands_is_shown_with_what_to_do() -> None:
    failure = Failure(kind=FailureKind.BAD_FLAG, message="m: the engine refused its command line", hint="correct it")
    assert last_failure(sent(failure=failure)) == [
        "last failure (bad_flag): m: the engine refused its command line", "hint: correct it",
    ]  # fmt: skip
    assert last_failure(sent()) == []
