"""Whether a command line loads a model, and how much memory that takes, as far as it says.  Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Loads:
    """What a command loads."""

    engine: str
    weights: str = ""
    """Path of a file, or the name of a model; empty when it does not say."""
    share: float | None = None
    """Part of an accelerator's memory that it takes whatever the model."""


_ENGINES: Final = (
    (re.compile(r"(?:^|[\s/'\"])llama-server(?:\s|$)"), "llama.cpp"),
    (re.compile(r"(?:^|[\s/'\"])vllm\s+serve\b|vllm\.entrypoints|vllm/vllm-openai"), "vLLM"),
    (re.compile(r"sglang\.launch_server|(?:^|[\s/'\"])sglang\s+serve\b|lmsysorg/sglang"), "SGLang"),
    (re.compile(r"(?:^|[\s/'\"])ollama\s+run\s+\S|/api/(?:generate|chat|embed)\b"), "Ollama"),
    (re.compile(r"text-generation-(?:launcher|inference)"), "TGI"),
    (re.compile(r"(?:^|[\s/'\"])koboldcpp\b"), "koboldcpp"),
    (re.compile(r"(?:^|[\s/'\"])whisper-server\b"), "whisper.cpp"),
    (re.compile(r"ggml-org/llama\.cpp\S*server|ggerganov/llama\.cpp\S*server"), "llama.cpp"),
    (re.compile(r"(?:^|[\s/'\"])lms\s+load\b"), "LM Studio"),
    (re.compile(r"(?:^|[\s/'\"])(?:local-ai|localai)\s.*--(?:preload|models)"), "LocalAI"),
)  # fmt: skip
_WEIGHTS: Final = ("--model", "--model-path", "--model-id", "-hf", "--hf-repo", "-mu", "--model-url")
_SHARE: Final = ("--gpu-memory-utilization", "--mem-fraction-static", "--cuda-memory-fraction")
_ASKED: Final = re.compile(r"""["'\\]*model["'\\]*\s*:\s*["'\\]*([^"'\\\s,}]+)""")
_NO_MODEL: Final = re.compile(r"--models-dir\b|--models-preset\b")
"""llama-server as a router: it loads what it is asked for."""


def loads(command: str) -> Loads | None:
    """What a command loads; None when it loads nothing by itself."""
    engine = next((name for pattern, name in _ENGINES if pattern.search(command)), None)
    if engine is None:
        return None
    said = words(command)
    weights = after(said, (*_WEIGHTS, "-m") if "-m" in said and engine.endswith(".cpp") else _WEIGHTS)
    if engine == "llama.cpp" and not weights and _NO_MODEL.search(command):
        return None
    if engine == "vLLM" and not weights and "serve" in said:
        weights = next((word for word in said[said.index("serve") + 1 :] if not word.startswith("-")), "")
    if engine == "Ollama":
        weights = _ollama(command, said)
    share = after(said, _SHARE)
    try:
        part = float(share) if share else (0.9 if engine == "vLLM" else None)
    except ValueError:
        part = None
    return Loads(engine, weights, part)


def _ollama(command: str, said: list[str]) -> str:
    """The name behind `ollama run`, or in the body of a request."""
    if "run" in said:
        return next((word for word in said[said.index("run") + 1 :] if not word.startswith("-")), "")
    asked = _ASKED.search(command)
    return asked[1] if asked is not None else ""


def words(command: str) -> list[str]:
    """A command line taken apart, however it is quoted."""
    try:
        return shlex.split(command, comments=False)
    except ValueError:
        return command.split()


def after(words: list[str], options: tuple[str, ...]) -> str:
    """The value of the first of these options."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options:
            if equals:
                return value
            return words[number + 1] if number + 1 < len(words) else ""
    return ""
