from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from glowplug.cli.command import example_lines
from tests.cli.commands import COMMANDS, process
from tests.cli.conftest import Glowplug, install
from tests.cli.fake_server import FakeServer, Running


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_help_has_examples_that_parse(name: str, command: click.Command, glowplug: Glowplug) -> None:
    said = glowplug(*name.split(), "--help")
    assert (said.code, said.err) == (0, "")
    examples = example_lines(command)
    assert examples
    for line in examples:
        assert f"glowplug {name.split()[0]}" in line
        assert line in said.out


JSON_RUNS: dict[str, tuple[str, ...]] = {
    "ps": ("data",),
    "models": ("data",),
    "plan chat-c-llamacpp": ("model", "verdict", "evict", "devices"),
    "memory": ("data",),
    "lease 1GiB": ("id", "state"),
    "lease 1GiB --dry-run": ("verdict",),
    "lease --list": ("data",),
    "lease --release lease_1": ("id",),
    "run chat-default hi": ("text", "model", "completion_tokens", "tokens_per_second"),
    "run embed-a-llamacpp hi": ("embedding", "dimensions", "length"),
    "start chat-c-llamacpp": ("model", "state"),
    "stop chat-a-llamacpp": ("model", "state"),
    "stop --all": ("data",),
    "logs chat-a-llamacpp": ("model", "lines"),
    "keys create x": ("id", "key"),
    "keys list": ("data",),
    "keys revoke key_1": ("id",),
    "usage --by key": ("data",),
    "config show": ("tree", "sources"),
    "config path": ("path", "exists"),
    "config reload": ("changed",),
    "completion bash": ("shell", "script"),
}


@pytest.mark.parametrize("line", JSON_RUNS)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_json_is_one_document_and_nothing_else(line: str, before: bool, glowplug: Glowplug, server: FakeServer) -> None:
    said = glowplug("--json", *line.split()) if before else glowplug(*line.split(), "--json")
    assert (said.code, said.err) == (0, "")
    assert set(JSON_RUNS[line]) <= set(said.document)


def test_json_errors_are_one_document_too(glowplug: Glowplug, server: FakeServer) -> None:
    said = glowplug("logs", "chat-x", "--json")
    assert said.code == 1
    assert said.document["error"]["code"] == "not_found"
    broken = glowplug("run", "chat-breaks", "hi", "--json")
    assert broken.code == 1
    assert "broke off" in broken.document["error"]["message"]


@pytest.mark.parametrize(
    "line",
    [
        "ps",
        "models",
        "plan x",
        "memory",
        "lease 1GiB",
        "lease --list",
        "run x hi",
        "start x",
        "stop x",
        "logs x",
        "keys list",
        "keys create x",
        "usage",
    ],
)
def test_without_a_server_every_verb_says_what_to_do(line: str, glowplug: Glowplug, tmp_path: Path) -> None:
    said = glowplug("--state-dir", str(tmp_path / "none"), *line.split())
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith(f"glowplug: nothing is running for {tmp_path / 'none'}\n  hint: start it with: glowplug")


def test_defaults_of_the_requests(glowplug: Glowplug, server: FakeServer) -> None:
    glowplug("run", "chat-default", "hi", "--system", "be brief", "--max-tokens", "5", "--temperature", "0")
    assert server.seen[-1] == (
        "POST",
        "/v1/chat/completions",
        {
            "model": "chat-default",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 5,
            "temperature": 0.0,
            "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        },
    )
    glowplug("keys", "create", "ci", "--models", "a, b,", "--expires", "30d")
    assert server.seen[-1][2] == {
        "name": "ci",
        "role": "user",
        "models": ["a", "b"],
        "rpm": None,
        "rights": "evict",
        "priority": 0,
        "expires_in": 2_592_000.0,
    }
    glowplug("usage", "--by", "key,day", "--since", "2026-01-31", "--until", "2026-02-01")
    asked = next(path for _, path, _ in server.seen if path.startswith("/admin/usage"))
    assert asked == "/admin/usage?by=day%2Ckey&since=2026-01-31&until=2026-02-01"
    glowplug("stop", "a/b", "--force")
    assert server.seen[-1][1] == "/admin/models/a%2Fb/stop?force=1"


def test_empty_lists_say_what_to_do(glowplug: Glowplug, server: FakeServer) -> None:
    server.instances, server.models, server.keys, server.usage = [], [], [], []
    server.leases, server.devices = [], []
    for line, hint in {
        "ps": "glowplug config path",
        "models": "glowplug config path",
        "keys list": "glowplug keys create",
        "lease --list": "glowplug lease SIZE",
        "usage": "glowplug run MODEL",
    }.items():
        said = glowplug(*line.split())
        assert (said.code, said.out) == (0, "")
        assert hint in said.err
        assert glowplug(*line.split(), "--json").document["data"] == []


def test_no_verb_is_help(glowplug: Glowplug) -> None:
    for words in ((), ("keys",), ("config",)):
        said = glowplug(*words)
        assert said.code == 0
        assert said.out.startswith("Usage: glowplug")


def test_mistyped_verbs_and_options(glowplug: Glowplug) -> None:
    said = glowplug("strat")
    assert (said.code, said.err.splitlines()[0]) == (2, "glowplug: there is no verb 'strat'; did you mean start?")
    said = glowplug("ps", "--jsno")
    assert said.code == 2
    assert said.err.endswith("  hint: see glowplug ps --help\n")


# ---- as a process of its own


def test_help_and_ps_import_little(running: Running, state_dir: Path) -> None:
    state = install(state_dir, running.url)
    program = (
        "import sys; from glowplug.cli.main import main; code = main(sys.argv[1:]); "
        "print(*sorted(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    heavy = {"msgspec", "asyncio", "ssl", "email", "http.client", "sqlalchemy", "ruamel", "uvicorn", "tempfile"}
    helps = [([verb, "--help"], heavy | {"socket", "json"}) for verb in ("models", "aliases", "providers", "names")]
    for words, unwanted in ((["--help"], heavy | {"socket", "json", "glowplug.cli.ps"}), (["ps"], heavy), *helps):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            env=os.environ | {"GLOWPLUG_STATE_DIR": str(state), "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert unwanted & set(done.stderr.split()) == set()


def test_ctrl_c_is_quiet_and_stops_the_answer(running: Running, tmp_path: Path) -> None:
    running_command = process("run", "chat-endless", "hi", state=install(tmp_path / "state", running.url))
    assert running_command.stdout is not None
    assert running_command.stdout.read(9) == "You said:"
    running_command.send_signal(signal.SIGINT)
    _, err = running_command.communicate(timeout=20)
    assert (running_command.returncode, err) == (130, "")
    assert running.fake.gone.wait(20)


def test_a_reader_that_leaves_ends_the_command_quietly(running: Running, tmp_path: Path) -> None:
    running_command = process("run", "chat-endless", "hi", state=install(tmp_path / "state", running.url))
    assert running_command.stdout is not None
    assert running_command.stderr is not None
    running_command.stdout.read(9)
    running_command.stdout.close()
    assert running_command.wait(20) == 141
    assert running_command.stderr.read() == ""
    running_command.stderr.close()


def test_a_reader_that_leaves_before_a_short_answer(running: Running, tmp_path: Path) -> None:
    running_command = process("ps", state=install(tmp_path / "state", running.url))
    assert running_command.stdout is not None
    running_command.stdout.close()
    assert running_command.stderr is not None
    assert (running_command.wait(20), running_command.stderr.read()) == (141, "")
    running_command.stderr.close()
