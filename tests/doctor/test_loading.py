"""Commands that load a model, and those that only look like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.doctor.loading import Loads, loads


@pytest.mark.parametrize(("command", "found"), [
    ("/usr/local/bin/llama-server -m /models/a.gguf -ngl 99", Loads("llama.cpp", "/models/a.gguf")),
    ("llama-server --model=/m/b.gguf --port 8080", Loads("llama.cpp", "/m/b.gguf")),
    ("/bin/sh -c 'llama-server -hf org/repo:Q4'", Loads("llama.cpp")),
    ("llama-server -hf org/repo", Loads("llama.cpp", "org/repo")),
    ("llama-server --models-dir /models", None),
    ("vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 0.8", Loads("vLLM", "Qwen/Qwen3-8B", 0.8)),
    ("python -m vllm.entrypoints.openai.api_server --model x", Loads("vLLM", "x", 0.9)),
    ("vllm/vllm-openai:latest --model x --gpu-memory-utilization=lots", Loads("vLLM", "x")),
    ("python -m sglang.launch_server --model-path x --mem-fraction-static 0.7", Loads("SGLang", "x", 0.7)),
    ("/usr/bin/ollama run qwen3:8b", Loads("Ollama", "qwen3:8b")),
    ("curl -s localhost:11434/api/generate -d '{\"model\": \"x\", \"keep_alive\": -1}'", Loads("Ollama", "x")),
    ('sh -c "curl localhost:11434/api/chat -d \'{\\"model\\":\\"qwen3:8b\\"}\'"', Loads("Ollama", "qwen3:8b")),
    ("/usr/bin/ollama serve", None), ("glowplug up", None), ("llama-swap --config x.yaml", None),
    ("/usr/bin/tail -f /var/log/llama-server.log", None), ("python train.py --model x", None), ("", None),
    ("lms load qwen3-8b", Loads("LM Studio")), ("whisper-server -m /m/w.bin", Loads("whisper.cpp", "/m/w.bin")),
    ("llama-server -m 'unbalanced", Loads("llama.cpp", "'unbalanced")), ("llama-server -m", Loads("llama.cpp")),
])  # fmt: skip
def test_commands(command: str, found: Loads | None) -> None:
    assert loads(command) == found


@given(st.text())
def test_any_text(command: str) -> None:
    loads(command)
    loads(f"llama-server {command}")
