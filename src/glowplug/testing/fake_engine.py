"""A program that looks like llama.cpp's `llama-server` (build b11549) and misbehaves on demand.

    python -m glowplug.testing.fake_engine -m any.gguf --port 8080 --alias chat-x --api-key KEY --slow-start 2

It takes llama-server's flags (an unknown one ends it as llama-server ends), writes a log with llama-server's wording
and serves `/health` (503 while loading, then 200; no key needed), `/v1/models`, `/props`, `/slots`, `/metrics`,
`/tokenize`, `/v1/chat/completions`, `/v1/completions` (plain and SSE with usage) and `/v1/embeddings`.  An answer is
`token1 token2 …`, so what arrived can be checked to the letter.

Switches, as flags or as environment variables (`--slow-start 2` is `FAKE_ENGINE_SLOW_START=2`, a bare switch is `=1`):

    --slow-start SECONDS   listen at once, be ready after this long; dots in the log tell the progress
    --hang                 start, never listen, use no CPU
    --hang-after N         after N answered generations accept connections and answer nothing, not even /health
    --crash-at-start CODE  write --crash-line and end with this exit code
    --crash-line TEXT      the log line before a crash, e.g. "cudaMalloc failed: out of memory"
    --crash-after N        answer N generations, end with exit code 134 in the middle of the next
    --ignore-sigterm       go on after SIGTERM
    --spawn-child          have a child in the same process group that ignores SIGTERM
    --wrong-model          list another model than the alias
    --drip SECONDS         time between two events of a stream, and per token of a plain answer
    --tokens N             tokens of an answer (default 8)
    --status CODE          answer generations with this HTTP status and an error object
    --log-lines N          write N lines to the log at start
    --early-ok SECONDS     answer /health with 200 and generations with 503 for this long once it is loaded
    --other-port           listen on another port than it is told
    --allocate MIB         take this much on the fake device while it loads: bit by bit with --slow-start, else at once.
                           The device is the first of CUDA_VISIBLE_DEVICES (default 0) of those that NVIDIA_FAKE_STATE
                           names (glowplug.testing.fake_nvml); with --gpu-layers 0 none.  If it does not fit:
                           "cudaMalloc failed: out of memory", exit code 1
    --allocate-host MIB    take (and touch) this much of the machine's memory
    --grow MIB             take this much more during each generation, as a growing cache does; if that does not fit it
                           crashes as with --crash-after
    --peak MIB             where --grow ends (default twice --allocate)
    --keep-memory          its device memory stays behind as a leak when it ends, however it ends
    --child-holds-memory   its device memory belongs to a grandchild in a session of its own that ignores SIGTERM
    --cpu-fallback         log "offloaded 0/33 layers to GPU" and take nothing on the device
    --oom                  find the device full while it loads, whatever there is
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

from glowplug.testing.fake_engine_http import Behaviour, FakeServer
from glowplug.testing.fake_engine_memory import EngineMemory, NoDevice, Wishes
from glowplug.testing.fake_nvml_state import DeviceFull

VERSION = "b11549"
_CHILD = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('child', flush=True); time.sleep(3600)"
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"error: invalid argument: {message.removeprefix('unrecognized arguments: ')}", file=sys.stderr)
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fake-engine", description=f"imitates llama-server {VERSION}", allow_abbrev=False)
    add = parser.add_argument
    add("-m", "--model", default="")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8080)
    add("-a", "--alias", default="fake")
    add("--api-key", default=os.environ.get("LLAMA_API_KEY", ""))
    for flags in (
        "-c --ctx-size", "-np --parallel", "-ngl --gpu-layers --n-gpu-layers", "-b --batch-size", "-ub --ubatch-size",
        "-t --threads", "-tb --threads-batch", "-fa --flash-attn", "-ctk --cache-type-k", "-ctv --cache-type-v",
        "-cram --cache-ram", "--pooling", "-mm --mmproj", "-s --seed", "-fit --fit",
    ):  # fmt: skip
        add(*flags.split(), default=None)
    for flags in ("--embeddings --embedding", "--metrics", "--no-ui --no-webui", "--offline", "--jinja", "--no-jinja"):
        add(*flags.split(), action="store_true")
    add("--slow-start", type=float, default=0.0, metavar="SECONDS")
    add("--hang", action="store_true")
    add("--hang-after", type=int, default=-1, metavar="N")
    add("--crash-at-start", type=int, default=-1, metavar="CODE")
    add("--crash-line", default="", metavar="TEXT")
    add("--crash-after", type=int, default=-1, metavar="N")
    add("--ignore-sigterm", action="store_true")
    add("--spawn-child", action="store_true")
    add("--wrong-model", action="store_true")
    add("--drip", type=float, default=0.0, metavar="SECONDS")
    add("--tokens", type=int, default=8, metavar="N")
    add("--status", type=int, default=0, metavar="CODE")
    add("--log-lines", type=int, default=0, metavar="N")
    add("--early-ok", type=float, default=0.0, metavar="SECONDS")
    add("--other-port", action="store_true")
    for flag in ("--allocate", "--allocate-host", "--grow", "--peak"):
        add(flag, type=int, default=0, metavar="MIB")
    for flag in ("--keep-memory", "--child-holds-memory", "--cpu-fallback", "--oom"):
        add(flag, action="store_true")
    return parser


_SWITCHES = (
    "slow-start", "hang", "hang-after", "crash-at-start", "crash-line", "crash-after", "ignore-sigterm", "spawn-child",
    "wrong-model", "drip", "tokens", "status", "log-lines", "early-ok", "other-port", "allocate", "allocate-host",
    "grow", "peak", "keep-memory", "child-holds-memory", "cpu-fallback", "oom",
)  # fmt: skip
_BARE = frozenset({
    "hang", "ignore-sigterm", "spawn-child", "wrong-model", "other-port", "keep-memory", "child-holds-memory",
    "cpu-fallback", "oom",
})  # fmt: skip


def switches_from(env: dict[str, str]) -> list[str]:
    """The command line that the `FAKE_ENGINE_*` variables stand for."""
    out = []
    for name in _SWITCHES:
        value = env.get("FAKE_ENGINE_" + name.upper().replace("-", "_"), "")
        if value and name in _BARE:
            out += [f"--{name}"] if value != "0" else []
        elif value:
            out += [f"--{name}", value]
    return out


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _load(seconds: float, memory: EngineMemory) -> None:
    """Write one dot for each hundredth, as llama.cpp does.  Raises DeviceFull."""
    if seconds:
        _log("load_tensors: loading model tensors, this can take a while... (mmap = true)")
    memory.begin()
    if seconds:
        began = time.monotonic()
        for done in range(1, 101):
            await asyncio.sleep(max(0.0, began + seconds * done / 100 - time.monotonic()))
            memory.step(done / 100)
            sys.stderr.write(".")
            sys.stderr.flush()
        _log("\nllama_context: constructing llama_context")
    memory.end()
    _log("main: model loaded")


def _memory(args: argparse.Namespace) -> EngineMemory:
    return EngineMemory(
        Wishes(
            device=args.allocate,
            host=args.allocate_host,
            grow=args.grow,
            peak=args.peak,
            keep=args.keep_memory,
            child=args.child_holds_memory,
            fallback=args.cpu_fallback,
            full=args.oom,
            layers=args.gpu_layers,
        ),
        os.environ,
    )


async def _serve(args: argparse.Namespace, memory: EngineMemory) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    if args.ignore_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    server = FakeServer(
        Behaviour(
            model="some-other-model" if args.wrong_model else args.alias,
            path=args.model,
            key=args.api_key,
            build=VERSION,
            context=int(args.ctx_size or 4096),
            slots=max(int(args.parallel or 1), 1),
            tokens=args.tokens,
            drip=args.drip,
            status=args.status,
            hang_after=args.hang_after,
            crash_after=args.crash_after,
            crash_line=args.crash_line or "ggml_abort: something broke",
            early_ok=args.early_ok,
        ),
        memory.grow,
    )
    try:
        listening = await asyncio.start_server(server.connection, args.host, 0 if args.other_port else args.port)
    except OSError:
        _log(f"start: couldn't bind HTTP server socket, hostname: {args.host}, port: {args.port}")
        return 1
    try:
        await _load(args.slow_start, memory)
    except DeviceFull:
        memory.explain_full()
        return 1
    server.loaded()
    _log(f"main: server is listening on http://{args.host}:{listening.sockets[0].getsockname()[1]}")
    await stop.wait()
    _log("srv    operator(): cleaning up before exit...")
    listening.close()
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run it; returns the exit code."""
    args = _parser().parse_args([*switches_from(dict(os.environ)), *(sys.argv[1:] if argv is None else argv)])
    _log(f"build: fake ({VERSION}) with python {sys.version_info.major}.{sys.version_info.minor}")
    for number in range(args.log_lines):
        _log(f"log line {number}")
    if args.crash_at_start >= 0:
        _log(args.crash_line or "error: something broke")
        return int(args.crash_at_start)
    if args.spawn_child:
        child = subprocess.Popen([sys.executable, "-c", _CHILD], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        child.returncode = 0  # it is meant to be left behind, without a warning about it
    if args.hang:
        if args.ignore_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(3600)
    try:
        return asyncio.run(_serve(args, _memory(args)))
    except NoDevice as error:
        _log(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.stdout.flush()
    code = main()
    sys.stderr.flush()
    os._exit(code)
