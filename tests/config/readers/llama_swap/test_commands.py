"""Command lines and the engines they start."""

from __future__ import annotations

import pytest

from glowplug.config.readers.llama_swap.commands import NoCommand, command, stop, with_port, words


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("llama-server --port ${PORT} -m /m/a.gguf -c 8192",
         {"engine": "llamacpp", "path": "/m/a.gguf", "args": ["-c", "8192"]}),
        ("/opt/llama-server --model=/m/a.gguf --port=${PORT} --alias x --embeddings",
         {"engine": "llamacpp", "path": "/m/a.gguf", "command": ["/opt/llama-server"], "capabilities": ["embeddings"]}),
        ("llama-server -m /m/r.gguf --reranking --host 0.0.0.0 --port ${PORT}",
         {"engine": "llamacpp", "path": "/m/r.gguf", "capabilities": ["rerank"]}),
        ("vllm serve org/M --port ${PORT} --dtype auto",
         {"engine": "vllm", "id": "org/M", "args": ["--dtype", "auto"]}),
        ("vllm serve /m/folder --port ${PORT}", {"engine": "vllm", "path": "/m/folder"}),
        ("python3 -m vllm.entrypoints.openai.api_server --model org/M --port ${PORT}",
         {"engine": "vllm", "id": "org/M", "command": ["python3", "-m", "vllm.entrypoints.openai.api_server"]}),
        ("llama-server -hf org/M --port ${PORT}",
         {"engine": "command", "command": ["llama-server", "-hf", "org/M", "--port", "{port}"]}),
        ("docker run -p ${PORT}:8080 x", {"engine": "command", "command": ["docker", "run", "-p", "{port}:8080", "x"]}),
        ("vllm --version", {"engine": "command", "command": ["vllm", "--version"]}),
        ("llama-server -m", {"engine": "command", "command": ["llama-server", "-m"]}),
    ],
)  # fmt: skip
def test_engines_are_recognised(text: str, fields: dict[str, object]) -> None:
    found = command(text)
    assert found.fields == fields
    assert found.port is ("${PORT}" in text)


def test_comments_quotes_and_continued_lines() -> None:
    assert words("# no\nllama-server \\\n  --x 'a b'\n  # nor this\n  -y") == ["llama-server", "--x", "a b", "-y"]


@pytest.mark.parametrize("text", ["", "# only", "'open", "''"])
def test_what_is_no_command(text: str) -> None:
    with pytest.raises(NoCommand):
        words(text)


def test_how_it_is_stopped() -> None:
    assert stop("docker stop a${PORT}") == ["docker", "stop", "a{port}"]
    with pytest.raises(NoCommand, match="number of a process"):
        stop("kill ${PID}")


def test_a_fixed_port_gives_way_to_a_free_one() -> None:
    assert with_port(["x", "--port", "8999"], 8999) == ["x", "--port", "{port}"]
    assert with_port(["docker", "-p", "8999:80"], 8999) == ["docker", "-p", "{port}:80"]
    assert with_port(["x", "89990"], 8999) is None
