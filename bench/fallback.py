"""How much later the first byte of an answer comes when the first target is down: the answer of the second one, less a
direct call to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench import procfs
from bench.candidates import UPSTREAM_MODEL, free_port
from bench.crowd import Crowd
from bench.figures import Figure, of_rounds
from bench.installation import SLOW_ENGINE, A, Installation, install, local_config
from bench.programs import BenchError, Pinning, Upstream, build
from glowplug.routing.breaker import IN_A_ROW

PART = "fallback"
BUDGET_MS = 5.0
DIRECT, THROUGH, REFUSED, OPEN, KILLED = "direct", "through", "refused", "open", "killed"
CASES = (DIRECT, THROUGH, REFUSED, OPEN, KILLED)
ENGINE = (*SLOW_ENGINE[:3], "--hang-after", "1")
"""An engine that is ready at once, and keeps silent once it has answered."""
IN_FLIGHT = 4
_THINKING = 0.05
"""Seconds in which all of them have reached the engine."""
_WARM = 3


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round, in seconds from the request to the first byte of an event: each case once, one after the other."""

    direct: float
    """The fallback without anything in front of it."""
    through: float
    """The fallback through the gateway, asked for by its name."""
    refused: float
    """Behind a target that refuses the connection and has never failed before."""
    open: float
    """Behind a target whose breaker is open."""
    killed: float
    """Behind a local engine that was granted, and was killed before the request."""
    crowd: tuple[float, ...]
    """Of IN_FLIGHT direct calls at once, in the order of the answers."""
    caught: tuple[float, ...]
    """Of as many requests whose engine was killed before it had said a word: since the signal, likewise."""
    dying: float
    """Between the signal and the moment at which the engine's connections ended: nobody can know it sooner."""


def config(upstream: int, rounds: int, nobody: Sequence[int]) -> str:
    """A target that is down for every round, because breakers remember; one whose breaker opens; a local engine."""
    text = local_config([A], engine=ENGINE)
    engines, _, models = text.replace("parallel: 4", f"parallel: {IN_FLIGHT}").partition("models:\n")
    out = [engines + "providers:", f'  cloud: {{base_url: "http://127.0.0.1:{upstream}/v1", api_key: sk-cloud}}']
    downs = [f"down-{number}" for number in range(rounds)] + ["open"]
    for name, port in zip(downs, nobody, strict=True):
        out.append(f'  {name}: {{base_url: "http://127.0.0.1:{port}/v1", api_key: sk-down}}')
    out += ["models:", models.rstrip(), f"  chat-cloud: {{provider: cloud, id: {UPSTREAM_MODEL}}}"]
    out += [f"  chat-{name}: {{provider: {name}, id: {UPSTREAM_MODEL}}}" for name in downs]
    out += ["aliases:", f"  killed: {{targets: [{A}, chat-cloud], cold: reject}}"]
    out += [f"  {name}: {{targets: [chat-{name}, chat-cloud]}}" for name in downs]
    return "\n".join(out) + "\n"


class Caller:
    """A client with a kept-alive connection of its own."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def first_byte(self, model: str, served_by: str = "", attempts: int = 0) -> float:
        """Seconds until the first byte of a streamed answer; it is read to its end.  Raises BenchError when somebody
        else answered, or in another number of `attempts` (0: any), or none did."""
        body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hello"}]})
        began = time.monotonic()
        try:
            self._connection.request("POST", "/v1/chat/completions", body, self._headers)
            answer = self._connection.getresponse()
            first = answer.read(1)
            took = time.monotonic() - began
            rest = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise BenchError(f"{model} was not answered: {error!r}") from None
        if answer.status != 200 or not first or b"[DONE]" not in rest:
            raise BenchError(f"{model} answered {answer.status}: {(first + rest)[:300]!r}")
        said = (answer.getheader("x-glowplug-model"), answer.getheader("x-glowplug-attempts"))
        if served_by and said != (served_by, str(attempts or said[1])):
            raise BenchError(f"{model} was answered by {said[0]} in {said[1]} attempts, not {served_by} in {attempts}")
        return took

    def close(self) -> None:
        self._connection.close()


class Callers(NamedTuple):
    """Those who ask the fallback itself, and those who ask through the gateway."""

    direct: Caller
    ours: Caller
    direct_crowd: Crowd
    our_crowd: Crowd


def _start_engine(there: Installation) -> None:
    """Start it.  Who has just been killed may not have been missed yet.  Raises BenchError."""
    until = time.monotonic() + 30
    there.start_model(A)
    while not procfs.command_line(int(there.instance(A)["pid"] or 0)):
        if time.monotonic() > until:
            raise BenchError(f"{A} did not come back after it was killed")
        time.sleep(0.005)
        there.start_model(A)


def _kill_engine(there: Installation) -> tuple[float, float]:
    """Kill the engine that runs, and come back when its connections have ended: when it was killed, and that moment."""
    row = there.instance(A)
    with socket.create_connection(("127.0.0.1", int(row["port"])), 10) as witness:
        began = time.monotonic()
        os.kill(int(row["pid"]), signal.SIGKILL)
        with suppress(ConnectionResetError):
            witness.recv(1)
        return began, time.monotonic()


def measure(rounds: int, work: Path) -> list[Round]:
    """Paired rounds in an order that turns.  Raises BenchError."""
    build()
    upstream = Upstream(
        Pinning(sorted(os.sched_getaffinity(0))), events=3, gap_us=50, model=UPSTREAM_MODEL, first_us=1000
    )
    try:
        nobody = [free_port() for _ in range(rounds + 1)]
        there = install(work, config(upstream.port, rounds, nobody))
        with ExitStack() as stack:
            stack.callback(there.close)
            callers = Callers(
                stack.enter_context(closing(Caller(upstream.port, "sk-cloud"))),
                stack.enter_context(closing(Caller(there.port, there.key))),
                stack.enter_context(closing(Crowd(upstream.port, "sk-cloud", IN_FLIGHT))),
                stack.enter_context(closing(Crowd(there.port, there.key, IN_FLIGHT))),
            )
            return [_round(number, callers, there) for number in range(-_WARM, rounds)][_WARM:]
    finally:
        upstream.close()


def _caught(callers: Callers, there: Installation) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """A crowd that asks the fallback itself, a crowd whose engine is killed, and how long that took to die."""
    began = time.monotonic()
    callers.direct_crowd.ask("chat-cloud")
    crowd = tuple(moment - began for moment in callers.direct_crowd.answers())
    _start_engine(there)
    callers.ours.first_byte("killed", A, 1)  # its last word
    callers.our_crowd.ask("killed")
    time.sleep(_THINKING)
    killed, gone = _kill_engine(there)
    moments = callers.our_crowd.answers("x-glowplug-model: chat-cloud", "x-glowplug-attempts: 2")
    return crowd, tuple(moment - killed for moment in moments), gone - killed


def _round(number: int, callers: Callers, there: Installation) -> Round:
    """One round; those before 0 warm connections up and leave the targets of later ones alone."""
    direct, ours = callers.direct, callers.ours

    def refused() -> float:
        if number < 0:
            return ours.first_byte("chat-cloud")
        return ours.first_byte(f"down-{number}", "chat-cloud", 2)

    def opened() -> float:
        # It is open for a second or longer each time; whoever comes after that finds out what the try finds out.
        for _ in range(IN_A_ROW + 1):
            ours.first_byte("open")
        try:
            return ours.first_byte("open", "chat-cloud", 1)
        except BenchError:  # the moment of its next try had just come: now that has failed
            return ours.first_byte("open", "chat-cloud", 1)

    def killed() -> float:
        _start_engine(there)
        _kill_engine(there)
        return ours.first_byte("killed", "chat-cloud")

    calls: dict[str, Callable[[], float]] = {
        DIRECT: lambda: direct.first_byte("chat-cloud"),
        THROUGH: lambda: ours.first_byte("chat-cloud", "chat-cloud", 1),
        REFUSED: refused, OPEN: opened, KILLED: killed,
    }  # fmt: skip
    turn = number % len(CASES)
    took = {name: calls[name]() for name in (*CASES[turn:], *CASES[:turn])}
    crowd, caught, dying = _caught(callers, there)
    return Round(**took, crowd=crowd, caught=caught, dying=dying)


def high(values: Sequence[float]) -> float:
    """The 95th percentile, nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def figures(rounds: Sequence[Round]) -> list[Figure]:
    """Medians and 95th percentiles of what is added; differences are formed inside a round first."""
    out = [of_rounds(PART, "direct: first byte", [one.direct * 1000 for one in rounds], "ms", digits=2)]
    caught = f"engine killed under {IN_FLIGHT} requests"
    for name, values, budget in (
        ("through the gateway", [one.through - one.direct for one in rounds], None),
        ("first target refuses", [one.refused - one.direct for one in rounds], BUDGET_MS),
        ("breaker of the first is open", [one.open - one.direct for one in rounds], BUDGET_MS),
        ("local engine was killed", [one.killed - one.direct for one in rounds], BUDGET_MS),
        (f"{caught}, since its end", [took - one.dying for one in rounds for took in added(one)], BUDGET_MS),
        (f"{caught}, since the signal", [took for one in rounds for took in added(one)], None),
    ):
        taken = [value * 1000 for value in values]
        out.append(of_rounds(PART, f"{name}: added", taken, "ms", digits=2, budget=budget))
        out.append(
            Figure(
                part=PART,
                name=f"{name}: added, p95",
                value=high(taken),
                unit="ms",
                digits=2,
                rounds=len(taken),
                budget=budget,
            )
        )
    return out


def added(one: Round) -> list[float]:
    """How much later than in the direct crowd the requests heard something whose engine was killed."""
    return [later - sooner for sooner, later in zip(one.crowd, one.caught, strict=True)]
