"""llama-swap with the same engine: its configuration, its command line, and how it is asked to unload.

Format: llama-swap's config.example.yaml of 2026 (`models.ID.cmd`, `${PORT}`, `env`, `proxy`, `checkEndpoint`, `ttl`).
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.candidates import free_port, wait_for
from bench.engine import PORT, Launch
from bench.programs import BenchError, ask, stop

_LEFT_OUT = ("API_KEY",)
"""It passes the client's key on and has none of its own for an engine, so the engine runs without."""


def config(launch: Launch, model: str, start_port: int) -> str:
    """One model that is started as `launch` says and is never unloaded by itself.

    Strings are JSON strings, which YAML reads alike.  Whatever could be taken for one of its macros is refused: a `$`
    before a brace has no way to be written literally.
    """
    words = ["${PORT}" if word == PORT else shlex.quote(word) for word in launch.argv]
    env = [f"{name}={value}" for name, value in launch.env.items() if not name.endswith(_LEFT_OUT)]
    for text in (*(word for word in launch.argv if word != PORT), *env):
        if "${" in text:
            raise BenchError(f"llama-swap would read a macro in {text!r}")
    lines = [
        "healthCheckTimeout: 120",
        "logLevel: error",
        f"startPort: {start_port}",
        "models:",
        f"  {json.dumps(model)}:",
        f"    cmd: {json.dumps(' '.join(words))}",
        '    proxy: "http://127.0.0.1:${PORT}"',
        '    checkEndpoint: "/health"',
        "    ttl: 0",
        "    env:",
        *(f"      - {json.dumps(entry)}" for entry in env),
    ]
    return "\n".join(lines) + "\n"


def command(program: Path, file: Path, port: int) -> list[str]:
    return [str(program), "--config", str(file), "--listen", f"127.0.0.1:{port}"]


@dataclass(frozen=True)
class LlamaSwap:
    """One that listens."""

    process: subprocess.Popen[str]
    port: int
    version: str = ""

    def unload(self) -> None:
        """Everything it has loaded.  Raises BenchError."""
        for method, path in _WAYS:
            status, answer = ask(self.port, method, path, timeout=60)
            if status < 300:
                return
        raise BenchError(f"llama-swap did not unload: {status} {answer}")

    def close(self) -> None:
        stop(self.process)


_WAYS: Sequence[tuple[str, str]] = (("POST", "/api/models/unload"), ("GET", "/unload"))
"""Today's way, and the one of releases before it."""


def start(program: Path, launch: Launch, model: str, work: Path) -> LlamaSwap:
    """Start it and wait until it lists its model.  Raises BenchError."""
    work.mkdir(parents=True, exist_ok=True)
    file, log, port = work / "llama-swap.yaml", work / "llama-swap.log", free_port()
    file.write_text(config(launch, model, free_port()))
    with log.open("w") as out:
        process = subprocess.Popen(
            command(program, file, port), stdout=out, stderr=out, text=True, start_new_session=True
        )
    wait_for(process, port, "/v1/models", log, 30)
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    return LlamaSwap(process, port, " ".join((said.stdout or said.stderr).split()))
