"""The workstation of `examples/workstation.yaml`, whole: one card with 24 GiB, four engines, six models, a cloud.

The example itself is run; only programs, paths and addresses are put in the place of those that a test machine lacks.
llama.cpp is real for the embeddings, which run on the host here (its build has no GPU support, and it would be refused
on a card it cannot use); Hermes, vLLM and Ollama are the public fakes, which take memory of a pretended card that the
real binding of NVIDIA's library shows.  Five minutes are three seconds.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tools.models.make_embed import write_embed

from glowplug.lifecycle.daemon import LINGER
from glowplug.lifecycle.ports import free_port
from glowplug.testing.fake_nvml import FakeNvml
from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install
from tests.e2e.installation import PATIENCE_S, ROOT, SOURCE, Installation, until

GIB = 1 << 30
HERMES, QWEN, MISTRAL = "chat-hermes-3-llama-3.1-8b-llamacpp", "chat-qwen2.5-0.5b-vllm", "chat-mistral-7b-ollama"
VISION, EMBED, CODER = "vision-qwen3-vl-4b-ollama", "embed-arctic-m-llamacpp", "chat-qwen3-coder-480b-cloud"
LOCAL = (HERMES, QWEN, MISTRAL, VISION, EMBED)
KEEP_ALIVE = 3.0


@pytest.fixture(scope="module")
def card(nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> FakeNvml:
    nvml = FakeNvml(tmp_path_factory.mktemp("card"), nvml_library)
    nvml.add_gpu("NVIDIA GeForce RTX 4090", "GPU-1", 24 * GIB, 300 << 20)
    return nvml


def machine(folder: Path, cloud: Cloud) -> dict[str, Any]:
    """The example with what this machine has in the place of what it lacks."""
    config: dict[str, Any] = YAML(typ="safe").load((ROOT / "examples" / "workstation.yaml").read_text())
    python = {"PYTHONPATH": str(SOURCE)}
    fake = [sys.executable, "-m", "glowplug.testing"]
    config["defaults"]["keep_alive"] = f"{KEEP_ALIVE:g}s"
    config["server"]["port"] = 0
    config["engines"] = {
        "llamacpp": {"command": [sys.executable, "-m", "glowplug.testing.fake_engine"], "env": python},
        "vllm": {"command": [*fake[:2], "glowplug.testing.fake_vllm", "serve"], "env": python},
        "ollama": {
            "command": [*fake[:2], "glowplug.testing.fake_ollama", "serve"],
            "env": {
                **python,
                "OLLAMA_HOST": f"127.0.0.1:{free_port()}",
                "FAKE_OLLAMA_MODELS": "mistral:7b=6000,qwen3-vl:4b=5000:vision",
            },
        },
    }
    config["providers"]["ollama-cloud"]["base_url"] = cloud.base_url
    models = config["models"]
    models[HERMES] |= {
        "path": str(folder / "hermes.gguf"), "memory": "9GiB", "args": ["--allocate", "8600", "--slow-start", "1.5"],
    }  # fmt: skip
    models[QWEN] |= {"path": str(folder / "qwen"), "memory": "10GiB"}
    del models[QWEN]["id"]
    for name in (MISTRAL, VISION):
        models[name]["memory"] = "6GiB"
    models[EMBED] |= {
        "path": str(folder / "arctic.gguf"),
        "command": [sys.executable, "-m", "glowplug.engines.llamacpp_inproc"],
        "options": {"gpu_layers": 0},
    }
    models[CODER]["id"] = "stand-in"
    return config


@pytest.fixture(scope="module")
def workstation(
    install_shared: Install, card: FakeNvml, the_cloud: Cloud, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "hermes.gguf").write_bytes((weights / "chat.gguf").read_bytes())
    write_embed(folder / "arctic.gguf")
    (folder / "qwen").mkdir()
    (folder / "qwen" / "config.json").write_text(json.dumps({"model_type": "qwen2", "num_hidden_layers": 2}))
    (folder / "qwen" / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    here = install_shared()
    here.env |= {**card.env, "OLLAMA_API_KEY": "sk-cloud"}
    here.write(json.dumps(machine(folder, the_cloud)))
    here.start()
    yield here


def ask(here: Installation, model: str) -> tuple[int, str]:
    """One request of the kind the model serves: status, and who answered."""
    if model in (EMBED, "embeddings-default"):
        answer = here.call("POST", "/v1/embeddings", {"model": model, "input": "a glow plug"})
    else:
        answer = here.chat(model)
    return answer.status, answer.headers.get("x-glowplug-model", answer.body.decode())


def empty(here: Installation, card: FakeNvml) -> None:
    """Nothing is loaded, and the card holds what the desktop holds."""
    until("nothing is loaded", lambda: all(here.state_of(name) == "stopped" for name in LOCAL))
    until("the card is empty", lambda: card.used(0) == 300 << 20)


def test_after_boot_nothing_is_held(workstation: Installation, card: FakeNvml) -> None:
    assert card.used(0) == 300 << 20
    assert [row["state"] for row in workstation.admin("instances")["data"]] == ["stopped"] * len(LOCAL)
    device = workstation.admin("memory")["data"][0]
    assert (device["id"], device["total"], device["ours"], device["others"]) == ("gpu0", 24 * GIB, {}, 300 << 20)


def test_embeddings_answer_with_nothing_else_running(workstation: Installation, card: FakeNvml) -> None:
    assert ask(workstation, "embeddings-default") == (200, EMBED)
    assert [name for name in LOCAL if workstation.state_of(name) != "stopped"] == [EMBED]
    assert card.used(0) == 300 << 20, "embeddings run beside the card here"


def test_the_cloud_answers_at_once_while_hermes_loads_and_then_hermes(workstation: Installation) -> None:
    began = time.monotonic()
    assert ask(workstation, "chat-default") == (200, CODER)
    assert time.monotonic() - began < 1.0, "nobody waited for the load"
    workstation.wait_state(HERMES, "ready", "busy")
    assert ask(workstation, "chat-default") == (200, HERMES)


def test_the_vision_model_is_asked_for_4096_tokens_unless_a_request_says_otherwise(workstation: Installation) -> None:
    for more, limit in (({}, 4096), ({"max_tokens": 7}, 7)):
        assert workstation.chat(VISION, **more).status == 200
        port = workstation.instance(VISION)["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/fake/state") as answer:
            received = json.load(answer)["received"]
        asked = [call for call in received if call["path"] == "/api/chat"][-1]["body"]
        assert asked["options"]["num_predict"] == limit and asked["keep_alive"] == -1, asked
        assert asked["options"]["num_ctx"], "said with every call, so that it never reloads by surprise"


def test_all_six_in_turn_on_one_card_without_a_failed_request(workstation: Installation, card: FakeNvml) -> None:
    for _ in range(2):
        for model in (HERMES, QWEN, MISTRAL, VISION, EMBED, CODER):
            assert ask(workstation, model) == (200, model)
            assert card.used(0) <= 24 * GIB - GIB, "the reserve stays free"


def test_all_at_once_are_served_too(workstation: Installation) -> None:
    models = [HERMES, QWEN, MISTRAL, VISION, EMBED, CODER] * 3
    with ThreadPoolExecutor(len(models)) as pool:
        answers = list(pool.map(lambda model: (model, *ask(workstation, model)), models))
    assert [(model, status) for model, status, _ in answers if status != 200] == []


def test_everything_is_gone_after_keep_alive(workstation: Installation, card: FakeNvml) -> None:
    assert ask(workstation, HERMES) == (200, HERMES)
    empty(workstation, card)
    # The daemon stays half a minute longer; every look reads the environment of all processes.
    until("no engine is left", lambda: not workstation.engines(), within=LINGER + PATIENCE_S, pause=0.25)
