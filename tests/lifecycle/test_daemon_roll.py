"""Who is there, who is missed, and when."""

from __future__ import annotations

import pytest

from glowplug.lifecycle import daemon_roll
from glowplug.lifecycle.daemon_api import DaemonApi, DaemonError
from glowplug.lifecycle.daemon_roll import call_roll
from glowplug.wire.ollama import Loaded, Process


class Tenant:
    def __init__(self, instance: str, id: str = "mistral:7b") -> None:
        self.instance, self.id, self.expected = instance, id, True
        self.entries: list[Loaded] = []
        self.told: list[str] = []

    def seen(self, entry: Loaded) -> None:
        self.entries.append(entry)

    def missed(self, why: str) -> None:
        self.told.append(why)

    def evicted(self, code: int | None) -> None:
        self.told.append(f"evicted {code}")


HERE = Process([Loaded(model="mistral:7b", size=7)])
NOBODY = Process([])


class Answers(DaemonApi):
    def __init__(self, *answers: Process | Exception) -> None:
        super().__init__("127.0.0.1", 1)
        self.answers = list(answers)

    async def running(self) -> Process:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "ours", "told", "seen"),
    [
        ([HERE], True, [], 1),
        ([NOBODY, HERE], True, [], 1),
        ([NOBODY, NOBODY], True, ["Ollama unloaded it unasked"], 0),
        ([TimeoutError()], True, [], 0),
        ([DaemonError(500, "x")], True, [], 0),
        ([TimeoutError(), TimeoutError()], False, ["Ollama does not answer"], 0),
        ([TimeoutError(), HERE], False, [], 1),
        ([ConnectionRefusedError(), ConnectionRefusedError()], True, ["Ollama does not answer"], 0),
        ([ConnectionRefusedError(), NOBODY], False, ["Ollama unloaded it unasked"], 0),
    ],
)
async def test_one_is_missed_when_two_looks_say_so(
    monkeypatch: pytest.MonkeyPatch, answers: list[Process | Exception], ours: bool, told: list[str], seen: int
) -> None:
    monkeypatch.setattr(daemon_roll, "SECOND_LOOK", 0.0)
    tenant, leaving = Tenant("i1"), Tenant("i2", "qwen3:4b")
    leaving.expected = False
    api = Answers(*answers)
    await call_roll(api, {"i1": tenant, "i2": leaving}, ours=ours)
    assert (tenant.told, len(tenant.entries), api.answers) == (told, seen, [])
    assert leaving.told == [] and leaving.entries == []
