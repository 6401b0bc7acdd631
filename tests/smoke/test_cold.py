"""A cold start that is played: each step that fails is the last."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from glowplug.smoke.cold import Cold
from glowplug.smoke.plan import Known
from glowplug.smoke.probes import Answer, Asked
from glowplug.smoke.report import Outcome
from glowplug.testing.clock import VirtualClock

MODEL = Known(name="chat-a", capabilities=frozenset(("chat",)), local=True)
GOOD = {"choices": [{"message": {"content": "Hello"}}], "usage": {"completion_tokens": 1}}
MIB = 1 << 20


class Engine:
    """A server with one engine: loaded by a question, unloaded a second after it, its memory with it."""

    name = "http://played"

    def __init__(self, clock: VirtualClock, **odd: Any) -> None:
        self.clock = clock
        self.odd = odd
        self.loaded = odd.get("loaded", True)
        self.until = float("inf")
        self.asked: list[Asked] = []

    def ask(self, asked: Asked, seconds: float, *, key: str | None = None) -> Answer:
        self.asked.append(asked)
        if self.clock.monotonic() >= self.until and not self.odd.get("stays"):
            self.loaded = False
        status, body = self._answer(asked)
        return Answer(status=status, headers={}, body=json.dumps(body).encode(), first=0.5, total=1.0)

    def _lost(self) -> int:
        """Bytes in use that nobody gave back, once it was loaded."""
        return self.odd.get("lost", 0) if self.until < float("inf") else 0

    def _answer(self, asked: Asked) -> tuple[int, Any]:
        if asked.path == "/admin/instances":
            state = "ready" if self.loaded else "stopped"
            row = {"model": "chat-a", "state": state, "leases": self.odd.get("leases", 0), "waiting": 0}
            return 200, {"data": [] if self.odd.get("unknown") else [row]}
        if asked.path == "/admin/memory":
            held = 100 * MIB if self.loaded else self.odd.get("leak", 0)
            return self.odd.get("memory_status", 200), {"data": [
                {"id": "gpu0", "name": "GPU 0", "ours": {"chat-a": held}, "used": 1024 * MIB + held + self._lost()},
                {"id": "host", "name": "main memory", "ours": {}, "used": None},
            ]}  # fmt: skip
        if asked.path.endswith("/stop"):
            refused = "stop_status" in self.odd
            self.loaded = refused or bool(self.odd.get("stays"))
            return self.odd.get("stop_status", 200), {}
        if "/start" in asked.path:
            if "start_status" in self.odd:
                return self.odd["start_status"], {"error": {"message": "full"}}
            self.loaded, self.until = True, float("inf")
            return 200, {"state": "ready"}
        self.loaded = not self.odd.get("refuses")
        self.until = self.clock.monotonic() + float(asked.headers["x-glowplug-keep-alive"].removesuffix("s"))
        return self.odd.get("chat_status", 200), self.odd.get("chat", GOOD)


def check(model: Known = MODEL, **odd: Any) -> tuple[list[tuple[str, Outcome, str]], Engine]:
    clock = VirtualClock()
    engine = Engine(clock, **odd)
    sleep: Callable[[float], None] = clock.advance
    found = Cold(engine, clock, 30, sleep).check(model)
    return [(one.check.removeprefix("cold: "), one.outcome, one.detail) for one in found], engine


@pytest.mark.parametrize("loaded", [True, False])
def test_from_rest_to_rest(loaded: bool) -> None:
    found, engine = check(loaded=loaded)
    assert [(name, outcome) for name, outcome, _ in found] == [
        ("at rest before", Outcome.OK), ("first answer", Outcome.OK), ("unloaded when idle", Outcome.OK),
        ("memory is back", Outcome.OK), *([("loaded again", Outcome.OK)] if loaded else []),
    ]  # fmt: skip
    assert found[1][2].startswith("100 MiB held; 1 tokens")
    assert found[0][2] == found[3][2] == "no memory held; 1 GiB of GPU 0 in use"
    assert any(asked.path.endswith("/stop") for asked in engine.asked) is loaded
    (chat,) = [asked for asked in engine.asked if asked.path.startswith("/v1/")]
    assert chat.headers == {"x-glowplug-keep-alive": "1s", "x-glowplug-fallback": "off"}


@pytest.mark.parametrize(("odd", "last", "outcome", "detail"), [
    ({"leases": 1}, "at rest before", Outcome.SKIPPED, "somebody is using it"),
    ({"unknown": True}, "at rest before", Outcome.FAILED, "knows no engine"),
    ({"loaded": False, "leak": 5 * MIB}, "at rest before", Outcome.FAILED, "5 MiB are still held"),
    ({"stays": True}, "at rest before", Outcome.FAILED, "does not stop"),
    ({"loaded": False, "stays": True}, "unloaded when idle", Outcome.FAILED, "still loaded 120 s after"),
    ({"chat_status": 503, "chat": {"error": {"message": "out of memory"}}}, "first answer", Outcome.FAILED,
     "status 503: out of memory"),
    ({"memory_status": 403}, "at rest before", Outcome.FAILED, "/admin/memory answers 403"),
])  # fmt: skip
def test_what_fails_ends_it(odd: dict[str, Any], last: str, outcome: Outcome, detail: str) -> None:
    found = [one for one in check(**odd)[0] if one[0] != "loaded again"]
    name, how, why = found[-1]
    assert (name, how) == (last, outcome)
    assert detail in why
    assert all(before[1] is Outcome.OK for before in found[:-1])


def test_memory_that_nobody_owns_and_that_does_not_come_back_is_doubtful() -> None:
    found, _ = check(loaded=False, lost=300 * MIB)
    assert found[-1][:2] == ("memory is back", Outcome.DOUBT)
    assert found[-1][2].startswith("300 MiB more of GPU 0 are in use than before")
    assert check(loaded=False, lost=200 * MIB)[0][-1][1] is Outcome.OK, "others come and go"


def test_a_model_that_cannot_be_asked_is_left_out() -> None:
    found, _ = check(Known(name="chat-a", capabilities=frozenset(("speech",)), local=True), loaded=False)
    assert found[-1][1] is Outcome.SKIPPED


def test_a_server_that_breaks_off_fails() -> None:
    clock = VirtualClock()

    class Gone(Engine):
        def ask(self, asked: Asked, seconds: float, *, key: str | None = None) -> Answer:
            raise OSError("reset")

    (only,) = Cold(Gone(clock), clock, 30, clock.advance).check(MODEL)
    assert (only.outcome, only.detail) == (Outcome.FAILED, "no answer: reset")


def started(engine: Engine) -> list[str]:
    return [asked.path for asked in engine.asked if "/start" in asked.path]


@pytest.mark.parametrize("odd", [
    {}, {"chat_status": 503, "chat": {}}, {"chat_status": 503, "chat": {}, "refuses": True}, {"lost": 300 * MIB},
    {"memory_status": 500},
])  # fmt: skip
def test_what_was_loaded_before_is_loaded_again_however_it_ends(odd: dict[str, Any]) -> None:
    found, engine = check(**odd)
    assert started(engine) == ["/admin/models/chat-a/start?wait=30"]
    assert engine.loaded and engine.until == float("inf")
    assert found[-1] == ("loaded again", Outcome.OK, "it was loaded before")
    assert not started(check(loaded=False, **odd)[1]), "what was not loaded is not loaded afterwards"


def test_what_was_not_stopped_need_not_be_loaded_again() -> None:
    for odd in ({"leases": 1}, {"unknown": True}, {"stop_status": 403}):
        found, engine = check(**odd)
        assert not started(engine) and found[-1][0] == "at rest before"


def test_one_that_cannot_be_loaded_again_is_said() -> None:
    found, _ = check(start_status=503)
    assert found[-1] == ("loaded again", Outcome.FAILED, "/admin/models/chat-a/start?wait=30 answers 503: full")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_whoever_interrupts_leaves_it_on_its_way_back(error: type[BaseException]) -> None:
    clock = VirtualClock()

    class Interrupted(Engine):
        def _answer(self, asked: Asked) -> tuple[int, Any]:
            if asked.path.startswith("/v1/"):
                raise error
            return super()._answer(asked)

    engine = Interrupted(clock)
    with pytest.raises(error):
        Cold(engine, clock, 30, clock.advance).check(MODEL)
    assert started(engine) == ["/admin/models/chat-a/start?wait=0"] and engine.loaded
