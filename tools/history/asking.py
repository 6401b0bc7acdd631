"""What the pages of the UI ask of a history, and how long each question takes the server."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import NamedTuple

from tools.history.making import DAY, END, Shape

from glowplug.clock import Clock
from glowplug.control.answers import answer
from glowplug.store.database import Database
from glowplug.store.request_search import Wanted
from glowplug.store.usage import By
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.requests import Requests
from glowplug.usecases.usage import Usage

Question = Callable[[], Awaitable[object]]
_MONTH, _TODAY = "2025-10-27", "2025-11-25"
TIMES = 5
"""How often each is asked; the first is told beside the median of the others."""


class Asked(NamedTuple):
    """Milliseconds that a question took: the first time, usually, and usually of a processor."""

    name: str
    first: float
    usual: float
    busy: float


def questions(database: Database, shape: Shape, clock: Clock) -> dict[str, Question]:
    """By what they are called in the table."""
    usage = Usage(database, _nothing, dict, shape.providers)
    requests = Requests(database, _nothing)
    changes = ChangeLog(database, clock, lambda: 1e12)
    rare, late = f"key_{shape.keys - 1:04}", END - 60 * DAY
    wanted = {
        "all": Wanted(),
        "60 days back": Wanted(until=late),
        "a busy key": Wanted(key="key_0000"),
        "a rare key": Wanted(key=rare),
        "a user": Wanted(user="user59"),
        "a team": Wanted(team="team9"),
        "a model": Wanted(model=shape.model_names()[-1]),
        "a tag": Wanted(tag="tag7"),
        "a tag of nobody": Wanted(tag="nothing"),
        "an alias": Wanted(asked="fast"),
        "an alias of nobody": Wanted(asked="nothing"),
        "status 429": Wanted(status=429),
        "a status of none": Wanted(status=418),
        "failed": Wanted(outcome="failed"),
        "in flight": Wanted(outcome="open"),
        "key, model and failed": Wanted(key=rare, model=shape.model_names()[3], outcome="failed"),
        "an id's beginning": Wanted(id="req_0123"),
    }

    def search(one: Wanted) -> Question:
        return lambda: requests.newest(50, wanted=one)

    def sums(*by: By, since: str = "", **only: str) -> Question:
        return lambda: usage.sums(by, since, only=only)

    return {
        **{f"requests: {name}": search(one) for name, one in wanted.items()},
        "requests: 1000 of them": lambda: requests.newest(1000),
        "usage: spend today": sums(since=_TODAY),
        "usage: by day": sums(By.DAY),
        "usage: by day, 30 days": sums(By.DAY, since=_MONTH),
        "usage: by day and provider": sums(By.DAY, By.PROVIDER),
        "usage: by day and model": sums(By.DAY, By.MODEL),
        "usage: by day, model and key": sums(By.DAY, By.MODEL, By.KEY),
        "usage: by model": sums(By.MODEL),
        "usage: by key": sums(By.KEY),
        "usage: by user": sums(By.USER),
        "usage: by team": sums(By.TEAM),
        "usage: by provider": sums(By.PROVIDER),
        "usage: by tag": sums(By.TAG),
        "usage: by day and tag": sums(By.DAY, By.TAG),
        "usage: models of a key": sums(By.MODEL, key=rare),
        "changes: all": changes.newest,
        "changes: of a key": lambda: changes.newest(100, "", {"noun": "key", "subject": "key_0001"}),
        "changes: of a person": lambda: changes.newest(100, "", {"by": "user3"}),
        "changes: an action of none": lambda: changes.newest(100, "", {"action": "nothing"}),
    }


async def measure(asked: dict[str, Question], times: int = TIMES) -> list[Asked]:
    """Ask each of them, with its answer as JSON."""
    found = []
    for name, question in asked.items():
        took, busy = [], []
        for _ in range(times):
            start, before = time.perf_counter(), time.process_time()
            answer(await question())
            took.append((time.perf_counter() - start) * 1000)
            busy.append((time.process_time() - before) * 1000)
        found.append(Asked(name, took[0], median(took[1:] or took), median(busy[1:] or busy)))
    return found


def _nothing() -> None:
    """There is no journal to fold."""
