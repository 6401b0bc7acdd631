"""What `glowplug demo` serves: a configuration, two shipped models, a stand-in for the cloud; no downloads."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import socket
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from glowplug.demo import model_path
from glowplug.errors import ConfigError
from glowplug.paths import Paths, demo_paths

CHAT = "chat-demo-llamacpp"
EMBED = "embed-demo-llamacpp"
CLOUD = "chat-demo-cloud"


@dataclass(frozen=True)
class Prepared:
    """A demo that can be started."""

    config: Path
    provider: list[str]
    """Command line of the stand-in for a cloud provider."""


def weights(name: str) -> str:
    """The path of a shipped model.  Raises ConfigError when this installation lacks it."""
    try:
        return str(model_path(name))
    except FileNotFoundError:
        raise ConfigError(f"the demo model {name} is not in this installation", hint="reinstall glowplug") from None


def engine_command() -> list[str]:
    """`llama-server` when it is on PATH, else the engine of the xllamacpp wheel.  Raises ConfigError without either."""
    if shutil.which("llama-server"):
        return ["llama-server"]
    if find_spec("xllamacpp") is not None:
        return [sys.executable, "-m", "glowplug.engines.llamacpp_inproc"]
    raise ConfigError(
        "the demo has no engine: llama-server is not on PATH and the xllamacpp package is not installed",
        hint="pip install 'glowplug[demo]'",
    )


def prepare(paths: Paths) -> Prepared:
    """Write the demo's configuration into its state directory."""
    port = _free_port()
    key = "sk-demo-cloud-" + secrets.token_hex(8)
    config = paths.state / "demo.yaml"
    descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(
            configuration(engine_command(), f"http://127.0.0.1:{port}/v1", key, os.environ.get("PYTHONPATH", ""))
        )
    provider = [sys.executable, "-m", "glowplug.testing.fake_provider", "--port", str(port), "--api-key", key]
    return Prepared(config, [*provider, "--model", "stand-in"])


def configuration(command: list[str], cloud_url: str, cloud_key: str, python_path: str) -> str:
    """The demo's YAML.  `python_path` is handed to engines that run from a source tree."""
    quoted = ", ".join(_quoted(part) for part in command)
    env = f"\n    env: {{PYTHONPATH: {_quoted(python_path)}}}" if python_path else ""
    return f"""\
# Written by `glowplug demo` at every start; yours belongs elsewhere (`glowplug config path`).
engines:
  llamacpp:
    command: [{quoted}]{env}
    options: {{parallel: 4, threads: 2, cache_ram: 0}}

providers:
  cloud:                                   # stands for any OpenAI-compatible provider; runs on this machine
    base_url: {cloud_url}
    api_key: {cloud_key}

models:
  {CHAT}:
    engine: llamacpp
    path: {_quoted(weights("chat-demo"))}
    options: {{ctx_size: 8192}}
  {EMBED}:
    engine: llamacpp
    path: {_quoted(weights("embed-demo"))}
    capabilities: [embeddings]
  {CLOUD}:
    provider: cloud
    id: stand-in
    capabilities: [chat, completions]

aliases:
  chat-default:                            # the local model, and the cloud while that is not loaded
    targets: [{CHAT}, {CLOUD}]
    cold: cloud-while-cold
  chat-patient:                            # waits for the local model; the cloud only when that fails
    targets: [{CHAT}, {CLOUD}]
    cold: wait
  embeddings-default:
    targets: [{EMBED}]
"""


def welcome(base_url: str, key: str, paths: Paths) -> list[str]:
    """What a person sees once the demo listens."""
    # Without an activated environment the command has to be named by its path.
    program = "glowplug" if shutil.which("glowplug") else os.path.relpath(Path(sys.executable).with_name("glowplug"))
    where = program if paths == demo_paths() else f"{program} --state-dir {shlex.quote(str(paths.state))}"
    return [
        "",
        "  The demo is ready. Nothing is loaded yet; the first request starts an engine.",
        "",
        f"      curl {base_url}/v1/chat/completions -H 'Authorization: Bearer {key}' \\",
        f"""        -d '{{"model": "{CHAT}", "messages": [{{"role": "user", "content": "Who are you?"}}]}}'""",
        "",
        f"      {where} run chat-default 'What is the capital of France?'",
        f"      {where} ps",
        "",
        "  Ask chat-default twice: the stand-in for a cloud answers while the local model loads, then the local one.",
        "",
    ]


def _quoted(text: str) -> str:
    """A value of the configuration that is exactly this text: a YAML double-quoted scalar without references."""
    plain = text.replace("${", "$${").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain) + '"'


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
