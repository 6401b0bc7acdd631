"""Questions to workers: who answers in time is heard, whoever else says something is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from glowplug.control.asking import Asking


async def test_answers_in_time_are_heard_and_late_ones_thrown_away() -> None:
    workers = [SimpleNamespace(worker=name, connected=name != "gone") for name in ("a", "b", "gone")]
    sent: list[tuple[str, int]] = []

    def send(worker: str, number: int) -> None:
        sent.append((worker, number))
        if worker == "a":
            asking.answered("a", number, "yes")
            asking.answered("a", number, "twice")

    asking: Asking[int, str] = Asking(lambda: cast(Any, workers), send, patience=0.01)
    assert asking.there() == ["a", "b"]
    assert await asking.ask(asking.there(), lambda number: number) == ["yes"]
    asking.answered("b", 1, "late")
    assert await asking.ask(("a",), lambda number: number) == ["yes"]
    assert await asking.ask((), lambda number: number) == []
    assert sent == [("a", 1), ("b", 1), ("a", 2)]
