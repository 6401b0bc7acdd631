"""A Glowplug with local models: configured, started, its processes told apart, and asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import procfs
from bench.candidates import (
    free_port,
    glowplug_command,
    glowplug_environment,
    make_key,
    read_key,
    wait_for,
    worker_pids,
)
from bench.engine import Launch, launch_of
from bench.programs import HERE, BenchError, ask, stop

ENGINE = (sys.executable, "-m", "glowplug.engines.llamacpp_inproc")
"""llama.cpp of the wheel, behind a program that takes llama-server's flags."""
SLOW_SECONDS = 2
SLOW_ENGINE = (sys.executable, "-m", "glowplug.testing.fake_engine", "--slow-start", str(SLOW_SECONDS))
"""One that takes its time to load and none to answer."""
WEIGHTS = HERE.parent / "src" / "glowplug" / "demo" / "chat-demo.gguf"
A, B = "chat-a-llamacpp", "chat-b-llamacpp"
MARKER = "GLOWPLUG_ENGINE"
"""What a launcher marks engines with; one without it is nobody's."""


def local_config(
    models: Sequence[str], *, together: bool = True, residency: str = "", engine: Sequence[str] = ENGINE
) -> str:
    """Models on one engine.  `together`: whether they may be loaded beside each other; `residency`: how long one that
    came back may stay, if not as long as the default says."""
    command = ", ".join(f'"{word}"' for word in engine)
    lines = [
        "engines:",
        "  llamacpp:",
        f"    command: [{command}]",
        f'    env: {{PYTHONPATH: "{HERE.parent / "src"}"}}',
        "    launcher: process",
        "    options: {parallel: 4, threads: 2, cache_ram: 0}",
        "models:",
    ]
    for name in models:
        lines += [f"  {name}:", "    engine: llamacpp", f'    path: "{WEIGHTS}"', "    options: {ctx_size: 2048}"]
    if not together:
        lines += ["groups:", f"  one: {{members: [{', '.join(models)}], most: 1}}"]
    if residency:
        lines += [f"scheduling: {{min_residency: {residency}}}"]
    return "\n".join(lines) + "\n"


@dataclass
class Installation:
    """One that answers."""

    work: Path
    process: subprocess.Popen[str]
    port: int
    admin: str = ""
    key: str = ""
    version: str = ""
    workers: tuple[int, ...] = ()
    control: int = 0
    log: Path = field(default_factory=Path)

    @property
    def supervisor(self) -> int:
        return self.process.pid

    def ask(self, method: str, path: str, body: object = None, timeout: float = 60) -> Any:
        """The answer of the admin API.  Raises BenchError."""
        try:
            status, answer = ask(self.port, method, path, key=self.admin, body=body, timeout=timeout)
        except OSError as error:
            raise BenchError(f"{method} {path} was not answered: {error}") from None
        if status >= 300:
            raise BenchError(f"{method} {path} answered {status}: {answer}")
        return answer

    def instance(self, model: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self.ask("GET", "/admin/instances")["data"]
        return next(row for row in rows if row["model"] == model)

    def start_model(self, model: str) -> None:
        self.ask("POST", f"/admin/models/{model}/start?wait=120", timeout=130)

    def stop_model(self, model: str) -> None:
        """Stop it; back when its processes are gone."""
        self.ask("POST", f"/admin/models/{model}/stop")

    def launch_of(self, model: str) -> Launch:
        """How the engine of a model that is loaded was started."""
        row = self.instance(model)
        return launch_of(int(row["pid"]), int(row["port"]), (MARKER,))

    def starts_of(self, model: str) -> int:
        """How often its engine was started, as the log has it."""
        return sum(line.rstrip().endswith(f"{model}: starting") for line in self.log.read_text().splitlines())

    def close(self) -> None:
        stop(self.process, 30)


def control_pid(commands: Mapping[int, str]) -> int:
    """The control process among pid → command line.  Raises BenchError."""
    found = [pid for pid, line in commands.items() if " -m glowplug.runtime control " in f"{line} "]
    if len(found) != 1:
        raise BenchError(f"the control process is not among {commands}")
    return found[0]


def install(work: Path, config: str, env: Mapping[str, str] | None = None, *options: str) -> Installation:
    """Start it, `options` behind `glowplug up`, and wait until it answers.  Raises BenchError."""
    work.mkdir(parents=True, exist_ok=True)
    state, file, log, port = work / "state", work / "glowplug.yaml", work / "glowplug.log", free_port()
    file.write_text(config)
    with log.open("w") as out:
        process = subprocess.Popen(
            [*glowplug_command(file, state, port), *options], stdout=out, stderr=out, text=True,
            env=glowplug_environment() | dict(env or {}), start_new_session=True,
        )  # fmt: skip
    there = Installation(work, process, port, log=log)
    return _guarded(there, lambda: _settle(there, state))


def _guarded(there: Installation, step: Callable[[], None]) -> Installation:
    """One that cannot be used is not left running."""
    try:
        step()
    except BaseException:
        there.close()
        raise
    return there


def _settle(there: Installation, state: Path) -> None:
    wait_for(there.process, there.port, "/health/live", there.log, 30)
    there.admin = read_key(state / "cli.key", there.process, there.log)
    wait_for(there.process, there.port, "/v1/models", there.log, 30, there.admin)
    there.key = make_key(there.port, there.admin)
    status = there.ask("GET", "/admin/status")
    there.version = str(status.get("version", ""))
    commands = {pid: procfs.command_line(pid) for pid in procfs.descendants(there.process.pid)}
    there.control = control_pid(commands)
    there.workers = worker_pids(status, commands)
