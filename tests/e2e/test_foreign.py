"""A foreign file is run as it is (`glowplug up --litellm-config`), or imported and then served."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import SOURCE, Install
from tests.e2e.installation import question, until
from tests.support.ollama import COMMAND, environment, free_port

MASTER = "sk-master-0123456789"
CLIENT = "sk-swap-0123456789"


def test_a_litellm_file_is_run_and_followed(install: Install, the_cloud: Cloud, tmp_path: Path) -> None:
    installation = install()
    path, more = tmp_path / "config.yaml", tmp_path / "more.yaml"

    def deployment(name: str) -> str:
        params = f'{{model: openai/stand-in, api_base: "{the_cloud.base_url}", api_key: sk-cloud}}'
        return f"model_list:\n  - model_name: {name}\n    litellm_params: {params}\n"

    more.write_text(deployment("gpt"))
    path.write_text(f"include: [more.yaml]\ngeneral_settings: {{master_key: {MASTER}}}\n")
    installation.start("up", "--litellm-config", str(path), "--port", "0")
    assert installation.chat("gpt").text
    question = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
    assert installation.call("POST", "/v1/chat/completions", question, key=MASTER).status == 200
    assert installation.call("GET", "/admin/status", key=MASTER).status == 200
    assert installation.call("GET", "/admin/status", key="sk-master-other-0000").status == 401

    more.write_text(deployment("gpt-new"))
    until("the included file is followed", lambda: installation.chat("gpt-new").status == 200)
    more.write_text("model_list: [")
    until("the bad one is reported", lambda: b"the old one goes on serving" in installation.log.read_bytes())
    assert installation.chat("gpt-new").status == 200
    assert b"sk-cloud" not in installation.log.read_bytes()
    assert installation.stop() == 0


@contextmanager
def an_ollama(log: Path) -> Iterator[str]:
    """One that runs with `mistral:7b` in its library: its address."""
    port = free_port()
    env = environment(port, FAKE_OLLAMA_MODELS="mistral:7b=400", FAKE_OLLAMA_TOKENS="2")
    with log.open("wb") as file, subprocess.Popen(COMMAND, env=env, stdout=file, stderr=file) as process:
        try:
            until("it listens", lambda: b"Listening on" in log.read_bytes())
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_a_llama_swap_file_and_an_ollama_move_into_one_file(install: Install, weights: Path, tmp_path: Path) -> None:
    """Their names, and the keys of their clients, go on working."""
    installation = install()
    program, theirs = tmp_path / "llama-server", tmp_path / "swap.yaml"
    fake = shlex.join([sys.executable, "-m", "glowplug.testing.fake_engine"])
    program.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCE} exec {fake} "$@"\n')
    program.chmod(0o755)
    theirs.write_text(f"""
apiKeys: [{CLIENT}]
models:
  qwen:
    cmd: {program} --port ${{PORT}} -m {weights / "chat.gguf"} --tokens 3
    aliases: [gpt-4o-mini]
    ttl: 60
""")
    installation.config = installation.state / "config.yaml"
    with an_ollama(tmp_path / "ollama.log") as address:
        installation.cli("import", "llama-swap", str(theirs), "--into", str(installation.config))
        installation.cli("import", "ollama", address, "--into", str(installation.config))
        installation.start()
        answers = {
            name: installation.call("POST", "/v1/chat/completions", question(name), key=CLIENT)
            for name in ("qwen", "gpt-4o-mini", "mistral:7b")
        }
        assert {name: (one.status, one.text) for name, one in answers.items()} == {
            "qwen": (200, "token1 token2 token3"),
            "gpt-4o-mini": (200, "token1 token2 token3"),
            "mistral:7b": (200, "token1 token2"),
        }
        assert installation.call("GET", "/v1/models", key="sk-swap-of-nobody-here").status == 401
        assert installation.stop() == 0
