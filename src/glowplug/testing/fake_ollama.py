"""A program that looks like Ollama's daemon, version 0.33, and misbehaves on demand.

    OLLAMA_HOST=127.0.0.1:11500 FAKE_OLLAMA_MODELS=mistral:7b=4400,nomic=300:embed \\
        python -m glowplug.testing.fake_ollama serve

It was written from the sources of Ollama (server/routes.go, server/sched.go of August 2026), not from a recording; what
it imitates is checked against a real one by `tests/engines/test_ollama_contract.py` where one is there.  It serves
`/`, `/api/version`, `/api/tags`, `/api/ps`, `/api/show`, `/api/generate`, `/api/chat`, `/api/embed`, and of `/v1` the
model list, chat, completions and embeddings.  An answer is `token1 token2 …`, so what arrived can be checked to the
letter.  Every loaded model has a runner process; it stays behind when the daemon is killed, as Ollama's do.
`GET /fake/state` tells a test what happened: loads, reloads by model, runners, the calls received.

Ollama's own variables that count: OLLAMA_HOST, OLLAMA_KEEP_ALIVE, OLLAMA_MAX_LOADED_MODELS, OLLAMA_CONTEXT_LENGTH,
OLLAMA_MODELS (its manifests are the library), OLLAMA_NO_CLOUD.  The fake's:

    FAKE_OLLAMA_MODELS        id=MiB[:embed][:vision][:think][:tools][:CONTEXT], …   the library, instead of manifests
    FAKE_OLLAMA_LOAD          seconds a load takes
    FAKE_OLLAMA_UNLOAD        seconds until an unloaded model is gone
    FAKE_OLLAMA_LOAD_ERROR    what every load fails with, status 500
    FAKE_OLLAMA_DEVICE_MIB    memory of the device; without it there is always enough
    FAKE_OLLAMA_TOKENS        tokens of an answer (8)
    FAKE_OLLAMA_DRIP          seconds in front of each token
    FAKE_OLLAMA_ERROR_AFTER   tokens after which a stream ends with an error line
    FAKE_OLLAMA_CUT_AFTER     tokens after which the connection is cut
    FAKE_OLLAMA_START         seconds until it listens
    FAKE_OLLAMA_IGNORE_SIGTERM=1
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from glowplug.domain.model import LocalModel
from glowplug.engines.ollama import address
from glowplug.testing.fake_nvml_state import FakeGpus
from glowplug.testing.fake_ollama_http import Api, Talk
from glowplug.testing.fake_ollama_runners import MIB, Charge, Pulled, Runners, Terms
from glowplug.units import parse_duration

VERSION = "0.33.2"


def library(env: Mapping[str, str]) -> dict[str, Pulled]:
    """The models there are, by `FAKE_OLLAMA_MODELS` or by the manifests below `OLLAMA_MODELS`."""
    if "FAKE_OLLAMA_MODELS" in env:
        entries = [_entry(text.strip()) for text in env["FAKE_OLLAMA_MODELS"].split(",") if text.strip()]
    else:
        entries = list(_manifests(Path(env["OLLAMA_MODELS"]))) if "OLLAMA_MODELS" in env else []
    return {entry.name: entry for entry in entries}


def _entry(text: str) -> Pulled:
    name, _, rest = text.rpartition("=")
    size, *kinds = rest.split(":")
    context = next((int(kind) for kind in kinds if kind.isdigit()), Pulled("", 0).context)
    return Pulled(name, int(size) * MIB, frozenset(kind for kind in kinds if not kind.isdigit()), context)


def _manifests(folder: Path) -> Iterator[Pulled]:
    root = folder / "manifests"
    for path in sorted(path for path in root.glob("*/*/*/*") if path.is_file()):
        host, namespace, model, tag = path.relative_to(root).parts
        name = f"{model}:{tag}"
        if (host, namespace) != ("registry.ollama.ai", "library"):
            name = f"{host}/{namespace}/{name}"
        layers = msgspec.json.decode(path.read_bytes()).get("layers", [])
        yield Pulled(name, sum(int(layer.get("size", 0)) for layer in layers))


def terms(env: Mapping[str, str]) -> Terms:
    """How it behaves by these variables."""
    device = env.get("FAKE_OLLAMA_DEVICE_MIB")
    return Terms(
        keep_alive=parse_duration(env.get("OLLAMA_KEEP_ALIVE") or "5m"),
        most=int(env.get("OLLAMA_MAX_LOADED_MODELS") or 0) or 3,
        context=int(env.get("OLLAMA_CONTEXT_LENGTH") or 4096),
        load=float(env.get("FAKE_OLLAMA_LOAD") or 0),
        unload=float(env.get("FAKE_OLLAMA_UNLOAD") or 0),
        load_error=env.get("FAKE_OLLAMA_LOAD_ERROR", ""),
        device=int(device) * MIB if device else None,
    )


def talk(env: Mapping[str, str]) -> Talk:
    """How it answers by these variables."""
    return Talk(
        version=VERSION,
        tokens=int(env.get("FAKE_OLLAMA_TOKENS") or 8),
        drip=float(env.get("FAKE_OLLAMA_DRIP") or 0),
        error_after=int(env.get("FAKE_OLLAMA_ERROR_AFTER") or -1),
        cut_after=int(env.get("FAKE_OLLAMA_CUT_AFTER") or -1),
        cloud=env.get("OLLAMA_NO_CLOUD", "") in ("", "0", "false"),
    )


def charge_device(pid: int, held: int) -> None:
    """Called whenever a runner's memory on the device changes (bytes; 0: it ended): told to the first fake GPU, where
    there is one."""
    gpus = FakeGpus.of(os.environ)
    if gpus is None:
        return
    gpus.free(0, pid)
    if held:
        gpus.allocate(0, pid, held)


def _log(text: str) -> None:
    print(f"time=now level=INFO msg={text!r}", file=sys.stderr, flush=True)


async def serve(env: Mapping[str, str], charge: Charge = charge_device) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    host, port = address(LocalModel(name="", engine="ollama", env={"OLLAMA_HOST": env.get("OLLAMA_HOST", "")}))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    if env.get("FAKE_OLLAMA_IGNORE_SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    runners = Runners(library(env), terms(env), charge, _log)
    await asyncio.sleep(float(env.get("FAKE_OLLAMA_START") or 0))
    try:
        listening = await asyncio.start_server(Api(runners, talk(env)).connection, host, port)
    except OSError:
        print(f"Error: listen tcp {host}:{port}: bind: address already in use", file=sys.stderr, flush=True)
        return 1
    _log(f"Listening on {host}:{port} (version {VERSION})")
    await stop.wait()
    listening.close()
    runners.close()
    return 0


def main(argv: list[str] | None = None) -> int:
    """`serve` is the one command there is."""
    words = sys.argv[1:] if argv is None else argv
    if words != ["serve"]:
        print("usage: fake_ollama serve", file=sys.stderr)
        return 2
    return asyncio.run(serve(os.environ))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
