from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from glowplug.cli.importing import listed
from glowplug.paths import state_paths
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer

FILE = """
model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-4o, api_base: "http://127.0.0.1:9/v1", api_key: sk-in-the-file}
  - model_name: gone
    litellm_params: {model: vertex_ai/gemini}
  - model_name: llama
    litellm_params: {model: ollama_chat/llama3, api_base: "http://localhost:11434"}
"""


@pytest.fixture
def foreign(tmp_path: Path) -> str:
    path = tmp_path / "litellm.yaml"
    path.write_text(FILE)
    return str(path)


def words(tmp_path: Path, foreign: str, *more: str) -> tuple[str, ...]:
    state, into = str(tmp_path / "s"), str(tmp_path / "ours.yaml")
    return ("import", "litellm", "--config", foreign, "--state-dir", state, "--into", into, *more)


def test_dry_run_says_the_same_and_writes_nothing(glowplug: Glowplug, tmp_path: Path, foreign: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    dry = glowplug(*words(tmp_path, foreign, "--dry-run"))
    assert (dry.code, dry.err) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before
    done = glowplug(*words(tmp_path, foreign))
    assert done.out.replace("Imported", "Would import") == dry.out
    assert "sk-in-the-file" not in done.out + done.err + (tmp_path / "ours.yaml").read_text()
    for line in ("  models       2 new", "  secrets      1 new", "vertex_ai/gemini", "--managed lets Glowplug start"):
        assert line in done.out
    assert b"sk-in-the-file" not in state_paths(tmp_path / "s").database.read_bytes()


def test_the_second_time_nothing_changes(glowplug: Glowplug, tmp_path: Path, foreign: str) -> None:
    assert glowplug(*words(tmp_path, foreign)).code == 0
    written = (tmp_path / "ours.yaml").read_text()
    again = glowplug(*words(tmp_path, foreign, "--json"))
    assert again.code == 0
    assert not again.document["changed"]
    assert [one["did"] for one in again.document["secrets"]] == ["same"]
    assert {one["new"] for one in again.document["sections"]} == {0}
    assert (tmp_path / "ours.yaml").read_text() == written
    assert "Nothing is new" in glowplug(*words(tmp_path, foreign)).out


def test_what_is_there_stays_and_is_named(glowplug: Glowplug, tmp_path: Path, foreign: str) -> None:
    mine = "aliases:\n  gpt: {targets: [x]}  # mine\nmodels:\n  x: {provider: groq, id: x}\nproviders:\n  groq: {}\n"
    (tmp_path / "ours.yaml").write_text(mine)
    said = glowplug(*words(tmp_path, foreign))
    assert said.code == 0
    assert "aliases.gpt (the configuration has it and says something else" in said.out
    assert "gpt: {targets: [x]}  # mine" in (tmp_path / "ours.yaml").read_text()
    (copy,) = tmp_path.glob("ours.yaml.before-import-*")
    assert copy.read_text() == mine


def test_another_secret_of_that_name_stays(glowplug: Glowplug, tmp_path: Path, foreign: str) -> None:
    assert glowplug(*words(tmp_path, foreign)).code == 0
    Path(foreign).write_text(FILE.replace("sk-in-the-file", "sk-another"))
    said = glowplug(*words(tmp_path, foreign))
    assert "another value is stored under this name" in said.out


def test_managed(glowplug: Glowplug, tmp_path: Path, foreign: str) -> None:
    assert glowplug(*words(tmp_path, foreign, "--managed")).code == 0
    assert "engine: ollama" in (tmp_path / "ours.yaml").read_text()


def test_a_running_server_keeps_the_secrets(
    glowplug: Glowplug, server: FakeServer, tmp_path: Path, foreign: str
) -> None:
    said = glowplug("import", "litellm", "--config", foreign, "--into", str(tmp_path / "ours.yaml"))
    assert said.code == 0
    ((path, body),) = [(path, body) for method, path, body in server.seen if method == "PUT"]
    assert path == "/admin/credentials"
    assert isinstance(body, dict)
    assert body["value"] == "sk-in-the-file"


def test_llama_swap(glowplug: Glowplug, tmp_path: Path) -> None:
    path = tmp_path / "swap.yaml"
    path.write_text("models:\n  qwen:\n    cmd: llama-server --port ${PORT} -m /models/qwen.gguf\n")
    said = glowplug("import", "llama-swap", str(path), "--into", str(tmp_path / "ours.yaml"))
    assert said.code == 0
    assert "/models/qwen.gguf" in (tmp_path / "ours.yaml").read_text()


@pytest.mark.parametrize("text", ["model_list:\n  - [a\n", "just words", "\0", "", "x" * (5 << 20)])
def test_bad_files_say_what_is_wrong_and_write_nothing(glowplug: Glowplug, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    said = glowplug(*words(tmp_path, str(path)))
    assert said.code == 1
    assert said.err.startswith("glowplug: ")
    assert "bad.yaml" in said.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.yaml"]


@pytest.mark.parametrize("name", [".", "gone.yaml"])
def test_no_file(glowplug: Glowplug, tmp_path: Path, name: str) -> None:
    assert glowplug(*words(tmp_path, str(tmp_path / name))).code == 1


def test_only_an_ollama_nearby_is_asked(glowplug: Glowplug) -> None:
    assert "not an address on this machine" in glowplug("import", "ollama", "http://example.invalid").err
    gone = glowplug("import", "ollama", "http://127.0.0.1:1")
    assert gone.code == 3
    assert "ollama serve" in gone.err


def test_names_in_an_answer() -> None:
    assert listed(b'{"models": [{"name": "a"}, {"model": "b", "name": "c"}]}') == ["a", "b"]
    assert listed(b"[]") == listed(b"{") == []


def test_the_file_of_a_server_elsewhere_is_not_guessed(glowplug: Glowplug, server: FakeServer, foreign: str) -> None:
    said = glowplug("import", "litellm", "--config", foreign, "--url", "http://127.0.0.1:1")
    assert said.code == 1
    assert "--into" in said.err


def test_ollama(glowplug: Glowplug, tmp_path: Path) -> None:
    with a_library() as url:
        said = glowplug("import", "ollama", url, "--into", str(tmp_path / "ours.yaml"))
    assert (said.code, said.err[:5]) == (0, "check")
    text = (tmp_path / "ours.yaml").read_text()
    assert "engine: ollama" in text
    assert "num_ctx: 4096" in text


@contextmanager
def a_library() -> Iterator[str]:
    """What an Ollama with one model answers."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"models": [{"name": "llama3:8b", "model": "llama3:8b"}] if "tags" in self.path else []})

        def do_POST(self) -> None:
            assert json.loads(self.rfile.read(int(self.headers["Content-Length"]))) == {"model": "llama3:8b"}
            self._answer({"parameters": "num_ctx 4096", "capabilities": ["completion"]})

        def _answer(self, answer: object) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
