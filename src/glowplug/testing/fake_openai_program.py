"""What the fakes of vLLM and SGLang share as programs: switches, worker processes, memory, loading, ending.

Switches, as flags or as environment variables (`--slow-start 2` is `FAKE_ENGINE_SLOW_START=2`, a bare switch is `=1`);
those of `glowplug.testing.fake_engine` that also are here mean the same:

    --slow-start SECONDS   load for this long; the log tells the progress
    --hang                 begin to load and stop, using no CPU
    --hang-after N         after N answered generations accept connections and answer nothing, not even /health
    --crash-at-start CODE  write --crash-line and end with this exit code
    --crash-line TEXT      the log line before a crash
    --crash-after N        answer N generations, end with exit code 134 in the middle of the next
    --ignore-sigterm       go on after SIGTERM
    --wrong-model          list another model than it was told to
    --drip SECONDS         time between two events of a stream, and per token of a plain answer
    --tokens N             tokens of an answer (default 8)
    --status CODE          answer generations with this HTTP status and an error object
    --workers              have a core and a worker process that end with their parent, as the engine has
    --escaped-worker       have a worker in a process group of its own that survives its parent's SIGKILL and holds the
                           memory (vllm-project/vllm#43060)
    --residual MIB         asleep it still holds this much of each accelerator (default 512)
    --context MIB          it holds this much beside its share (default 400)
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from glowplug.testing.fake_device_memory import hold_device_memory
from glowplug.testing.fake_engine_http import Behaviour
from glowplug.testing.fake_nvml_state import DeviceFull
from glowplug.testing.fake_openai_http import Memory, OpenAiServer

MIB = 1 << 20

_VALUES: Mapping[str, tuple[type, object]] = {
    "slow-start": (float, 0.0),
    "hang-after": (int, -1),
    "crash-at-start": (int, -1),
    "crash-line": (str, "RuntimeError: something broke"),
    "crash-after": (int, -1),
    "drip": (float, 0.0),
    "tokens": (int, 8),
    "status": (int, 0),
    "residual": (int, 512),
    "context": (int, 400),
}
_BARE = ("hang", "ignore-sigterm", "wrong-model", "workers", "escaped-worker")

_CHILD = "import sys; sys.stdin.read()"
_ESCAPED = (
    "import os, signal, sys, time; os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('up', flush=True); time.sleep(3600)"
)


class Parser(argparse.ArgumentParser):
    """Takes the switches above beside the flags that its user adds."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog=prog, allow_abbrev=False)
        for name, (kind, default) in _VALUES.items():
            self.add_argument(f"--{name}", type=kind, default=default, help=argparse.SUPPRESS)
        for name in _BARE:
            self.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: error: {message}", file=sys.stderr)
        raise SystemExit(2)


def switches_from(env: Mapping[str, str]) -> list[str]:
    """The command line that the `FAKE_ENGINE_*` variables stand for."""
    out = []
    for name in (*_VALUES, *_BARE):
        value = env.get("FAKE_ENGINE_" + name.upper().replace("-", "_"), "")
        if value and name in _BARE:
            out += [f"--{name}"] if value != "0" else []
        elif value:
            out += [f"--{name}", value]
    return out


@dataclass(frozen=True)
class Kind:
    """What tells one engine's program from another's."""

    make: Callable[[Behaviour, Memory], OpenAiServer]
    before: Sequence[str]
    """Log lines before the weights are read."""
    shards: Callable[[int], str]
    """The log line at this percentage of the weights."""
    after: Sequence[str]
    """Log lines between the weights and readiness."""
    ready: Sequence[str]
    listens_early: bool
    """It listens while it loads and answers /health with 503; else connections are refused until it is ready."""
    out_of_memory: str
    """The log line when its share of the memory is not there."""
    names: tuple[str, str] = ("core", "worker")


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Program:
    """One run of a fake engine."""

    def __init__(self, kind: Kind, args: argparse.Namespace, behaviour: Behaviour, share: Mapping[int, int]) -> None:
        """`share`: bytes it takes of each accelerator."""
        self.kind, self.args = kind, args
        self.share = {gpu: size + args.context * MIB for gpu, size in share.items()}
        self.children: list[subprocess.Popen[bytes]] = []
        self.server = kind.make(behaviour, Memory(self.release, self.resume))

    # ---- memory and processes

    @property
    def holder(self) -> int:
        """The process that the driver shows: the worker, where there is one."""
        return self.children[-1].pid if self.children else os.getpid()

    def resume(self) -> None:
        """Hold the whole share.  Raises MemoryError."""
        try:
            hold_device_memory(self.holder, self.share)
        except DeviceFull as error:
            raise MemoryError(f"CUDA out of memory. {error}") from None

    def release(self) -> None:
        """Hold what is left while asleep."""
        hold_device_memory(self.holder, dict.fromkeys(self.share, self.args.residual * MIB))

    def start_children(self) -> None:
        core, worker = self.kind.names
        if self.args.workers:
            for name in (core, worker):
                argv = [name, "-S", "-E", "-c", _CHILD]
                self.children.append(subprocess.Popen(argv, executable=sys.executable, stdin=subprocess.PIPE))
        if self.args.escaped_worker:
            argv = [worker, "-S", "-E", "-c", _ESCAPED]
            child = subprocess.Popen(argv, executable=sys.executable, stdout=subprocess.PIPE)
            assert child.stdout is not None
            child.stdout.readline()
            self.children.append(child)

    def end_children(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()

    # ---- running

    def run(self) -> int:
        """Returns the exit code."""
        for line in self.kind.before:
            log(line)
        if self.args.crash_at_start >= 0:
            log(self.args.crash_line)
            return int(self.args.crash_at_start)
        try:
            listening = (
                socket.create_server((self.args.host, self.args.port), backlog=128, reuse_port=False)
                if (self.kind.listens_early)
                else _bound(self.args.host, self.args.port)
            )
        except OSError as error:
            log(f"OSError: [Errno {error.errno}] {os.strerror(error.errno or 0)}")
            return 1
        self.start_children()
        try:
            return asyncio.run(self._serve(listening))
        finally:
            self.end_children()

    async def _serve(self, listening: socket.socket) -> int:
        stop = asyncio.Event()
        if self.args.ignore_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        else:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
        serving = await self._open(listening) if self.kind.listens_early else None
        loading, stopped = asyncio.ensure_future(self._load()), asyncio.ensure_future(stop.wait())
        await asyncio.wait({loading, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            try:
                loading.result()
            except MemoryError:
                log(self.kind.out_of_memory)
                return 1
            self.server.ready = True
            if serving is None:
                serving = await self._open(listening)
            for line in self.kind.ready:
                log(line)
            await stopped
        loading.cancel()
        log("INFO:     Shutting down")
        if serving is not None:
            serving.close()
        return 0

    async def _open(self, listening: socket.socket) -> asyncio.Server:
        return await asyncio.start_server(self.server.connection, sock=listening)

    async def _load(self) -> None:
        self.resume()
        if self.args.hang:
            await asyncio.Event().wait()
        began, steps = time.monotonic(), 10
        for done in range(steps + 1):
            await asyncio.sleep(max(0.0, began + self.args.slow_start * done / steps - time.monotonic()))
            log("\r" + self.kind.shards(done * 100 // steps))
        for line in self.kind.after:
            log(line)


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has the port and refuses connections: nobody listens yet."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind((host, port))
    return taken


def behaviour(args: argparse.Namespace, *, model: str, path: str, key: str, build: str, context: int) -> Behaviour:
    """The switches as the HTTP side takes them."""
    return Behaviour(
        model="some-other-model" if args.wrong_model else model,
        path=path,
        key=key,
        build=build,
        context=context,
        slots=1,
        tokens=args.tokens,
        drip=args.drip,
        status=args.status,
        hang_after=args.hang_after,
        crash_after=args.crash_after,
        crash_line=args.crash_line,
    )


def leave(code: int) -> NoReturn:
    """End at once: nothing needs an orderly exit."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
