"""The gateways that are compared: how each is configured, started, and which of its processes are the data path."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatch_build import compiled_current

from bench import procfs
from bench.programs import HERE, BenchError, Pinning, ask, stop

UPSTREAM_MODEL = "bench-upstream-model"
"""What gateways must put into the body; clients ask for `ALIAS`."""
ALIAS = "chat-default"
_PLENTY = 10_000_000
"""Requests a minute: the highest limit a configuration may set; counted, and never reached."""
_PLENTY_OF_TOKENS = 1_000_000_000
"""Tokens a minute, likewise."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A candidate that answers."""

    name: str
    json_port: int
    sse_port: int
    key: str = ""
    data_pids: tuple[int, ...] = ()
    other_pids: tuple[int, ...] = ()
    rewrites: bool = False
    """It replaces the model name, so the upstream must see `UPSTREAM_MODEL`."""
    translates: bool = False
    """It takes Anthropic's messages for a model with chat completions."""
    version: str = ""
    process: subprocess.Popen[str] | None = None

    def close(self) -> None:
        if self.process is not None:
            stop(self.process)


def free_port() -> int:
    """A port that was free a moment ago (programs without a port 0 leave no better way)."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _start(
    command: list[str], pinning: Pinning, log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    with pinning.on(pinning.candidate), log.open("w") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, text=True, env=env, start_new_session=True)


def wait_for(process: subprocess.Popen[str], port: int, path: str, log: Path, seconds: float, key: str = "") -> None:
    """Until GET `path` answers 200.  Raises BenchError with the end of the log."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if ask(port, "GET", path, key=key, timeout=2)[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.02)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    stop(process)
    raise BenchError(f"nothing answered {path} within {seconds:.0f} s; the log of {log.stem} ends:\n{tail}")


def start_direct(upstream: int, work: Path, pinning: Pinning) -> Running:
    """No gateway: the floor of every latency."""
    return Running(name="direct", json_port=upstream, sse_port=upstream)


def find_nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def nginx_config(upstream: int, json_port: int, sse_port: int, work: Path) -> str:
    """`proxy_pass` as one would write it for speed: kept-alive upstream, no log, bodies in memory."""
    temporary = "\n".join(
        f"  {kind}_temp_path {work}/nginx-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    site = """
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 100000000;
    location / {{
      proxy_pass http://upstream_under_test;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering {buffering};
      proxy_read_timeout 300s;
      client_body_buffer_size 256k;
      client_max_body_size 64m;
    }}
  }}"""
    user = "user root;\n" if os.geteuid() == 0 else ""
    return f"""{user}worker_processes 1;
daemon off;
pid {work}/nginx.pid;
error_log stderr error;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off;
{temporary}
  upstream upstream_under_test {{
    server 127.0.0.1:{upstream};
    keepalive 1024;
    keepalive_requests 100000000;
  }}{site.format(port=json_port, buffering="on")}{site.format(port=sse_port, buffering="off")}
}}
"""


def start_nginx(upstream: int, work: Path, pinning: Pinning) -> Running:
    program = find_nginx()
    if program is None:
        raise BenchError("nginx is not installed: apt-get install nginx-light")
    json_port, sse_port = free_port(), free_port()
    config, log = work / "nginx.conf", work / "nginx.log"
    config.write_text(nginx_config(upstream, json_port, sse_port, work))
    process = _start([program, "-p", str(work), "-c", str(config), "-e", "stderr"], pinning, log)
    wait_for(process, json_port, "/stats", log, 10)
    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr.strip()
    workers = tuple(p for p in procfs.descendants(process.pid) if p != process.pid)
    return Running(
        name="nginx", json_port=json_port, sse_port=sse_port, data_pids=workers, other_pids=(process.pid,),
        version=version.removeprefix("nginx version: "), process=process,
    )  # fmt: skip


def glowplug_config(upstream: int, *, full: bool = False) -> str:
    """One provider behind an alias; `full`: with every limit there is, a price, and a second target."""
    more = ""
    if full:
        more = f"""    tpm: {_PLENTY_OF_TOKENS}
    max_concurrency: 10000
    price: {{prompt: 1.25, completion: 10.00, cached: 0.125}}
  chat-bench-second:
    provider: bench
    id: {UPSTREAM_MODEL}
    price: {{prompt: 1.25, completion: 10.00, cached: 0.125}}
"""
    return f"""providers:
  bench:
    base_url: http://127.0.0.1:{upstream}/v1
    api_key: ${{BENCH_UPSTREAM_KEY}}
models:
  chat-bench-openai:
    provider: bench
    id: {UPSTREAM_MODEL}
    rpm: {_PLENTY}
{more}aliases:
  {ALIAS}:
    targets: [chat-bench-openai{", chat-bench-second" if full else ""}]
    rpm: {_PLENTY}
"""


def package(*, interpreted: bool = False) -> Path:
    """Where the code under test is: the package as it is published, compiled (`make compiled`), when there is one of
    these sources; else, or when it shall be `interpreted`, the sources."""
    root, place = HERE.parent, HERE.parent / "build" / "compiled"
    return root / "src" if interpreted or not compiled_current(root, place) else place


def glowplug_environment(*, interpreted: bool = False) -> dict[str, str]:
    """The environment of a server under test: this checkout's code, a made-up provider key, nobody's settings."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GLOWPLUG_")}
    paths = [str(package(interpreted=interpreted)), *filter(None, [env.get("PYTHONPATH")])]
    return env | {"BENCH_UPSTREAM_KEY": "sk-upstream-" + secrets.token_hex(8), "PYTHONPATH": os.pathsep.join(paths)}


def glowplug_command(config: Path, state: Path, port: int) -> list[str]:
    return [
        sys.executable, "-m", "glowplug", "up", "--config", str(config), "--state-dir", str(state), "--port", str(port),
    ]  # fmt: skip


def start_glowplug(
    upstream: int, work: Path, pinning: Pinning, *, full: bool = False, interpreted: bool = False
) -> Running:
    """Keys, a rate limit on key, model and alias, usage journal, the control process with its store.  `full`:
    everything that can be on, as `glowplug_config` and `make_full_key` have it.  `interpreted`: not compiled."""
    state, config, log, port = work / "state", work / "glowplug.yaml", work / "glowplug.log", free_port()
    config.write_text(glowplug_config(upstream, full=full))
    environment = glowplug_environment(interpreted=interpreted)
    process = _start(glowplug_command(config, state, port), pinning, log, environment)
    with _stopped_on_error(process):
        wait_for(process, port, "/health/live", log, 30)
        admin = read_key(state / "cli.key", process, log)
        wait_for(process, port, "/v1/models", log, 30, admin)
        key = make_full_key(port, admin) if full else make_key(port, admin)
        _, status = ask(port, "GET", "/admin/status", key=admin)
        names = {p: procfs.command_line(p) for p in procfs.descendants(process.pid)}
        data = worker_pids(status, names)
        if not data:
            raise BenchError(f"no gateway worker found among {names}")
    name = "glowplug" + ("-full" if full else "") + ("-interpreted" if interpreted else "")
    how = "compiled" if package(interpreted=interpreted).name == "compiled" else "interpreted"
    return Running(
        name=name, json_port=port, sse_port=port, key=key, rewrites=True,
        translates=True, data_pids=data, other_pids=tuple(p for p in names if p not in data), process=process,
        version=f"{status.get('version', '')} {how}" if isinstance(status, dict) else how,
    )  # fmt: skip


@contextmanager
def _stopped_on_error(process: subprocess.Popen[str]) -> Iterator[None]:
    """A candidate that cannot be used is not left running."""
    try:
        yield
    except BaseException:
        stop(process)
        raise


def read_key(path: Path, process: subprocess.Popen[str], log: Path) -> str:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and (text := path.read_text().strip()):
            found = json.loads(text) if text.startswith("{") else text
            return str(found.get("key") or found.get("api_key")) if isinstance(found, dict) else str(found)
        time.sleep(0.02)
    stop(process)
    raise BenchError(f"glowplug made no {path.name} in {path.parent}:\n{log.read_text(errors='replace')[-2000:]}")


def make_key(port: int, admin: str) -> str:
    """A user's key with a limit, so that checking and counting are in the measurement; else the admin key."""
    status, body = ask(port, "POST", "/admin/keys", key=admin, body={"name": "bench", "role": "user", "rpm": _PLENTY})
    if status in (200, 201) and isinstance(body, dict):
        for name in ("key", "api_key", "secret"):
            if isinstance(body.get(name), str) and body[name].startswith("sk-"):
                return str(body[name])
    print(f"note: POST /admin/keys answered {status}; measuring with the admin key", file=sys.stderr)
    return admin


def make_full_key(port: int, admin: str) -> str:
    """A user's key with every limit and a budget of its own, in a team with limits and a budget; and a budget for all.
    Raises BenchError: without them the figures would be of something else."""

    def made(path: str, wanted: Mapping[str, object]) -> Any:
        status, body = ask(port, "POST", path, key=admin, body=wanted)
        if status not in (200, 201):
            raise BenchError(f"POST {path} answered {status}: {body}")
        return body

    limits = {"rpm": _PLENTY, "tpm": _PLENTY_OF_TOKENS, "concurrency": 10_000}
    whose = {"name": "bench", "user": "ann", "team": "web", "tags": ["bench"]}
    key = made("/admin/keys", {**whose, **limits, "budget": "1000000/month"})
    made("/admin/limits", {"scope": "team", "name": "web", **limits})
    made("/admin/budgets", {"budget": "1000000/month", "scope": "team", "name": "web"})
    made("/admin/budgets", {"budget": "1000000/5h"})
    return str(key["key"])


def worker_pids(status: Any, commands: Mapping[int, str]) -> tuple[int, ...]:
    """Which of the processes (pid → command line) are gateway workers: what /admin/status says, else their names."""
    said: set[int] = set()

    def collect(value: Any, inside: bool) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                collect(item, inside or "worker" in str(name))
        elif isinstance(value, list):
            for item in value:
                collect(item, inside)
        elif inside and isinstance(value, int) and not isinstance(value, bool):
            said.add(value)

    collect(status, False)
    known = tuple(p for p in commands if p in said)
    if known:
        return known
    # Only the module and the word after it tell: paths and the supervisor's plan may hold any word.
    named = re.compile(r" -m (\S*(gateway|worker)\S*|\S+ (gateway|worker)\b)")
    return tuple(p for p, line in commands.items() if named.search(line))


def litellm_config(upstream: int, key: str) -> str:
    return f"""model_list:
  - model_name: {ALIAS}
    litellm_params:
      model: openai/{UPSTREAM_MODEL}
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: sk-upstream
general_settings:
  master_key: {key}
litellm_settings:
  telemetry: false
"""


def start_litellm(program: Path, upstream: int, work: Path, pinning: Pinning) -> Running:
    """One worker, master key, no database: less than Glowplug does."""
    key, port = "sk-" + secrets.token_hex(16), free_port()
    config, log = work / "litellm.yaml", work / "litellm.log"
    config.write_text(litellm_config(upstream, key))
    env = os.environ | {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    process = _start(command, pinning, log, env)
    wait_for(process, port, "/health/liveliness", log, 120)
    version = subprocess.run([str(program), "--version"], capture_output=True, text=True, env=env, check=False).stdout
    return Running(
        name="litellm", json_port=port, sse_port=port, key=key, rewrites=True, translates=True,
        data_pids=procfs.descendants(process.pid), version=" ".join(version.split()), process=process,
    )  # fmt: skip
