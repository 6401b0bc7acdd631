"""One worker is asked, and another one when it hangs."""

from __future__ import annotations

import asyncio

import pytest

from glowplug.control.explaining import Explaining
from glowplug.domain.model import Cold, Policy
from glowplug.domain.route_plan import RoutePlan, RouteQuestion, Unexplained
from glowplug.errors import NotFound, RequestError, Unavailable
from glowplug.usecases.status import WorkerView
from glowplug.wire.link import Explain, Explained

QUESTION = RouteQuestion(model="m", key="k")


def plan(first: str) -> RoutePlan:
    return RoutePlan(
        asked="m", name="m", matched="model", match="m is a model", key="k", kind="chat", policy=Policy.ORDER,
        arranged="", cold=Cold.WAIT, timeout=1.0, prompt_tokens=1, first=first, because="",
    )  # fmt: skip


class Workers:
    """Those in `silent` do not answer; the others say their own name, or that there is nothing to explain."""

    def __init__(self, *names: str, silent: str = "", away: str = "", wrong: int = 0) -> None:
        self.names, self.silent, self.away, self.wrong = names, silent, away, wrong
        self.asked: list[tuple[str, RouteQuestion]] = []
        self.explaining = Explaining(self.views, self.send, 0.05 if silent else 5.0)

    def views(self) -> tuple[WorkerView, ...]:
        return tuple(WorkerView(worker=n, pid=1, connected=n not in self.away, since=0.0) for n in self.names)

    def send(self, worker: str, message: Explain) -> None:
        self.asked.append((worker, message.question))
        unexplained = Unexplained(status=self.wrong, code="c", message="no", hint="h") if self.wrong else None
        told = Explained(message.ask, None if unexplained else plan(worker), unexplained)
        if worker not in self.silent:
            asyncio.get_running_loop().call_soon(self.explaining.explained, worker, told)


async def test_one_is_asked_and_says_who_it_is() -> None:
    workers = Workers("w0", "w1", away="w0")
    found = await workers.explaining.ask(QUESTION)
    assert (found.first, found.worker) == ("w1", "w1")
    assert workers.asked == [("w1", QUESTION)]


async def test_the_next_one_when_the_first_hangs_whose_late_answer_is_thrown_away() -> None:
    workers = Workers("w0", "w1", silent="w0")
    assert (await workers.explaining.ask(QUESTION)).first == "w1"
    workers.explaining.explained("w0", Explained(1, plan("w0")))
    assert (await workers.explaining.ask(QUESTION)).first == "w1"


@pytest.mark.parametrize("workers", [Workers(), Workers("w0", silent="w0"), Workers("w0", away="w0")])
async def test_nobody_answers(workers: Workers) -> None:
    with pytest.raises(Unavailable) as raised:
        await workers.explaining.ask(QUESTION)
    assert raised.value.code == "no_worker"
    assert ("none of 1" in raised.value.message) == bool(workers.silent)


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (400, RequestError)])
async def test_a_question_without_sense(status: int, kind: type[RequestError]) -> None:
    with pytest.raises(kind) as raised:
        await Workers("w0", wrong=status).explaining.ask(QUESTION)
    assert (type(raised.value), raised.value.code, raised.value.hint) == (kind, "c", "h")
