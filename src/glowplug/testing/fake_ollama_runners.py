"""The fake Ollama's library and scheduler: what is loaded, for how long, in which process, how much memory it holds.

Rules as in Ollama 0.33 (server/sched.go): one load at a time; a model is listed from the beginning of its load; a call
whose runner options differ reloads; keep_alive counts from the end of the last request; to make room the idle model
with the shortest keep_alive goes first; a client that leaves cancels its load.
"""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from glowplug.wire.ollama import full_name

MIB = 1 << 20
PER_TOKEN = 64 << 10
"""Bytes of key-value cache for each token of context."""
RUNNER_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")
_RUNNER = "import time; time.sleep(36000)"


class OllamaError(Exception):
    """An answer with this status and `{"error": …}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Pulled:
    """A model in the library."""

    name: str
    size: int
    """Bytes of its weights."""
    kinds: frozenset[str] = frozenset()
    """`embed`, `vision`, `think`, `tools`."""
    context: int = 131_072
    """Tokens it was made for; more is not given."""

    @property
    def capabilities(self) -> list[str]:
        if "embed" in self.kinds:
            return ["embedding"]
        named = {"vision": "vision", "think": "thinking", "tools": "tools"}
        return ["completion", *(word for kind, word in named.items() if kind in self.kinds)]


@dataclass(eq=False)
class Runner:
    """A loaded model, or one that is being loaded."""

    model: Pulled
    options: dict[str, Any]
    process: subprocess.Popen[bytes]
    keep_alive: float
    size: int
    on_device: int
    ready: bool = False
    requests: int = 0
    expires: asyncio.TimerHandle | None = None
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def context(self) -> int:
        return min(int(self.options["num_ctx"]), self.model.context)

    def fits(self, options: Mapping[str, Any]) -> bool:
        """Whether a call with these options can be served without a reload."""
        return self.options == options and self.process.poll() is None


@dataclass(frozen=True)
class Terms:
    """How the fake behaves (see `glowplug.testing.fake_ollama`).  Seconds and bytes."""

    keep_alive: float = 300.0
    most: int = 3
    context: int = 4096
    load: float = 0.0
    unload: float = 0.0
    load_error: str = ""
    device: int | None = None
    """Bytes of the one device, or None for more than anybody needs."""
    blobs: str = "/fake/blobs"


@dataclass
class Counts:
    """What happened, for tests."""

    loads: dict[str, int] = field(default_factory=dict)
    reloads: dict[str, int] = field(default_factory=dict)
    """Loads that were needed because a call said other options than the runner had."""
    cancelled: int = 0
    evicted: int = 0


Charge = Callable[[int, int], None]
"""Told a runner's pid and the bytes it holds on the device from now on; 0 when it has ended."""


class Runners:
    """The scheduler."""

    def __init__(self, library: Mapping[str, Pulled], terms: Terms, charge: Charge, log: Callable[[str], None]) -> None:
        self.library = library
        self.terms = terms
        self.counts = Counts()
        self.loaded: dict[tuple[str, str, str, str], Runner] = {}
        self._charge = charge
        self._log = log
        self._loading = asyncio.Lock()

    def find(self, name: str) -> Pulled:
        """Raises OllamaError 404."""
        wanted = full_name(name)
        found = next((model for model in self.library.values() if full_name(model.name) == wanted), None)
        if found is None:
            raise OllamaError(404, f"model '{name}' not found")
        return found

    @asynccontextmanager
    async def use(self, model: Pulled, options: Mapping[str, Any], keep_alive: float | None) -> AsyncIterator[Runner]:
        """A loaded runner for one request."""
        runner = await self._get(model, self._complete(options), keep_alive)
        try:
            yield runner
        finally:
            self._release(runner)

    def expire(self, model: Pulled) -> None:
        """`keep_alive: 0`: it goes when its requests have ended."""
        runner = self.loaded.get(full_name(model.name))
        if runner is not None:
            runner.keep_alive = 0.0
            if not runner.requests:
                self._expire_soon(runner, 0.0)

    def close(self) -> None:
        """The daemon ends in an orderly way and takes its runners along."""
        for runner in self.loaded.values():
            self._end(runner)
        self.loaded.clear()

    def _complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        own: dict[str, Any] = {"num_ctx": self.terms.context, "num_gpu": -1}
        return {**own, **{name: options[name] for name in RUNNER_OPTIONS if name in options}}

    async def _get(self, model: Pulled, options: dict[str, Any], keep_alive: float | None) -> Runner:
        key = full_name(model.name)
        runner = self.loaded.get(key)
        if runner is None or not runner.ready or not runner.fits(options):
            async with self._loading:
                runner = self.loaded.get(key)
                if runner is not None and not runner.fits(options):
                    self.counts.reloads[model.name] = self.counts.reloads.get(model.name, 0) + 1
                    self._log(f"reloading {model.name}: {runner.options} -> {options}")
                    await self._unload(runner)
                    runner = None
                if runner is None:
                    runner = await self._load(model, options)
        runner.requests += 1
        runner.idle.clear()
        if runner.expires is not None:
            runner.expires.cancel()
            runner.expires = None
        if keep_alive is not None:
            runner.keep_alive = keep_alive
        return runner

    async def _load(self, model: Pulled, options: dict[str, Any]) -> Runner:
        size = model.size + min(int(options["num_ctx"]), model.context) * PER_TOKEN
        on_device = 0 if options["num_gpu"] == 0 else size
        await self._make_room(on_device)
        blob = f"{self.terms.blobs}/sha256-{model.name.encode().hex()}"
        process = _start_runner(blob)
        runner = Runner(model, options, process, self.terms.keep_alive, size, on_device)
        self.loaded[full_name(model.name)] = runner
        self._charge(process.pid, on_device)
        self._log(f"starting runner pid={process.pid} model={model.name} size={size // MIB}MiB")
        try:
            await asyncio.sleep(self.terms.load)
            if self.terms.load_error:
                raise OllamaError(500, self.terms.load_error)
        except (asyncio.CancelledError, OllamaError) as error:
            self.counts.cancelled += isinstance(error, asyncio.CancelledError)
            self._log(f"load of {model.name} ended: {error!r}")
            self._forget(runner)
            raise
        self.counts.loads[model.name] = self.counts.loads.get(model.name, 0) + 1
        runner.ready = True
        return runner

    async def _make_room(self, need: int) -> None:
        while len(self.loaded) >= self.terms.most or self._free() < need:
            idle = sorted((r for r in self.loaded.values() if not r.requests), key=lambda r: r.keep_alive)
            if not idle:
                free = max(self._free(), 0) / (1 << 30)
                wants = (
                    f"model requires more GPU memory ({need / (1 << 30):.1f} GiB) than is available ({free:.1f} GiB)"
                )
                raise OllamaError(500, wants)
            self.counts.evicted += 1
            await self._unload(idle[0])

    def _free(self) -> float:
        if self.terms.device is None:
            return math.inf
        return self.terms.device - sum(runner.on_device for runner in self.loaded.values())

    def _release(self, runner: Runner) -> None:
        runner.requests -= 1
        if not runner.requests:
            runner.idle.set()
            self._expire_soon(runner, runner.keep_alive)

    def _expire_soon(self, runner: Runner, seconds: float) -> None:
        if runner.expires is not None:
            runner.expires.cancel()
            runner.expires = None
        if seconds != math.inf:
            runner.expires = asyncio.get_running_loop().call_later(seconds + self.terms.unload, self._expired, runner)

    def _expired(self, runner: Runner) -> None:
        if not runner.requests and self.loaded.get(full_name(runner.model.name)) is runner:
            self._forget(runner)

    async def _unload(self, runner: Runner) -> None:
        if runner.requests:
            await runner.idle.wait()
        await asyncio.sleep(self.terms.unload)
        self._forget(runner)

    def _forget(self, runner: Runner) -> None:
        if runner.expires is not None:
            runner.expires.cancel()
        self._end(runner)
        key = full_name(runner.model.name)
        if self.loaded.get(key) is runner:
            del self.loaded[key]
        self._log(f"runner of {runner.model.name} ended")

    def _end(self, runner: Runner) -> None:
        runner.process.kill()
        runner.process.wait()
        self._charge(runner.process.pid, 0)


def _start_runner(blob: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-I", "-S", "-c", _RUNNER, "runner", "--model", blob]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL)
