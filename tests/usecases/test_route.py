from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.domain.access import ApiKey
from glowplug.domain.model import Cold, Policy
from glowplug.domain.route_plan import RoutePlan, RouteQuestion
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.usecases.route import RouteAsked, RoutePlans

KEYS = tuple(ApiKey(id=f"key_{n}", name=name, display="sk") for n, name in enumerate(("laptop", "twin", "twin", "")))
PLAN = RoutePlan(
    asked="m", name="m", matched="model", match="", key="k", kind="chat", policy=Policy.ORDER, arranged="",
    cold=Cold.WAIT, timeout=1.0, prompt_tokens=1, because="First: m, because it is the only target",
)  # fmt: skip


class Worker:
    def __init__(self) -> None:
        self.asked: list[RouteQuestion] = []
        self.plans = RoutePlans(lambda: KEYS, self.ask)

    async def ask(self, question: RouteQuestion) -> RoutePlan:
        self.asked.append(question)
        return PLAN

    async def question(self, caller: str = "key_0", **asked: Any) -> RouteQuestion:
        await self.plans.explain(RouteAsked(**asked), caller)
        return self.asked[-1]


async def test_the_question() -> None:
    worker = Worker()
    assert await worker.question(model="m") == RouteQuestion(model="m", key="key_0")
    asked = await worker.question(
        model="m", kind="messages", input_tokens=9, tags=("a", "b"), session="s", headers={"x-glowplug-cold": "wait"}
    )
    assert asked.headers == {"x-glowplug-cold": "wait", "x-glowplug-tags": "a,b", "x-glowplug-session": "s"}
    assert (asked.kind, asked.input_tokens) == ("messages", 9)
    asked = await worker.question(request={"model": "other", "n": 2}, model="m")
    assert (asked.model, json.loads(asked.body)) == ("m", {"model": "m", "n": 2})
    assert (await worker.question(request={"model": "other"})).model == "other"


async def test_whose_key() -> None:
    worker = Worker()
    assert (await worker.plans.explain(RouteAsked(model="m"), "key_3")).key_name == ""
    assert (await worker.plans.explain(RouteAsked(model="m", key="laptop"), "key_3")).key_name == "laptop"
    assert (await worker.question(model="m", key="key_2")).key == "key_2"
    with pytest.raises(NotFound, match="lapto") as raised:
        await worker.question(model="m", key="lapto")
    assert raised.value.hint == "did you mean laptop?"
    with pytest.raises(Conflict, match="2 keys"):
        await worker.question(model="m", key="twin")


@pytest.mark.parametrize("asked", [
    {}, {"request": {"model": 5}}, {"model": "m", "request": {}, "input_tokens": 5},
    {"model": "m", "tags": ("a",), "headers": {"X-Glowplug-Tags": "b"}},
])  # fmt: skip
async def test_questions_that_are_none(asked: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        await Worker().question(**asked)
