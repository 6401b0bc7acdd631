"""What a worker answers survives the link, and is plain JSON for who asked."""

from __future__ import annotations

import msgspec

from glowplug.domain.model import Cold, Policy
from glowplug.domain.route_plan import Afterwards, LimitPlan, RefusalPlan, RoutePlan, TargetPlan, TargetState

PLAN = RoutePlan(
    asked="al", name="al", matched="alias", match="al is an alias of a", key="key_1", kind="chat", policy=Policy.PRICE,
    arranged="the cheapest first", cold=Cold.WAIT, timeout=600.0, prompt_tokens=None,
    targets=(TargetPlan(name="a", local=False, state=TargetState.PAUSED, why="it asked for a pause", wait=2.5),),
    after=(Afterwards(case="failed", targets=(), text="nobody"),),
    limits=(LimitPlan(whose="this API key", unit="requests a minute", limit=5, left=None),),
    refusal=RefusalPlan(status=429, code="cooling", message="later", retry_after=2.5), because="First: nobody",
)  # fmt: skip


def test_it_comes_back_as_it_was() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(PLAN), type=RoutePlan) == PLAN
    assert msgspec.json.decode(msgspec.json.encode(PLAN), type=RoutePlan) == PLAN


def test_enums_are_words() -> None:
    shown = msgspec.to_builtins(PLAN)
    assert (shown["policy"], shown["cold"], shown["targets"][0]["state"]) == ("price", "wait", "paused")
    assert shown["targets"][0]["role"] == "target"
