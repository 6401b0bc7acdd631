"""Two models on one port."""

from __future__ import annotations

import socket
from pathlib import Path

from glowplug.doctor.checks.models_one_port import OnePort
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, MODEL, Exhibit, Machine

SECOND = MODEL.replace("hermes-llamacpp", "second-llamacpp")
PORT = "    port: 8188\n"


def foreign(machine: Machine, second: str) -> None:
    """Two models of LiteLLM's on one port, on which somebody listens for as long as the test runs."""
    server = socket.create_server(("127.0.0.1", 0))
    machine.at_close.append(server.close)
    params = f"api_base: 'http://127.0.0.1:{server.getsockname()[1]}/v1', timeout: 9, rpm: 9"
    machine.litellm_config(
        f"model_list:\n- {{model_name: a, litellm_params: {{model: hosted_vllm/a, {params}}}}}\n"
        f"- {{model_name: b, litellm_params: {{model: hosted_vllm/{second}, {params}}}}}\n"
    )


EXHIBITS = [
    Exhibit("two engines", "models-one-port", lambda m: m.models(model=MODEL + PORT + SECOND + PORT),
            ("chat-second-llamacpp.port",), Severity.ERROR, repaired=False,
            healthy=lambda m: m.models(model=MODEL + PORT + SECOND)),
    Exhibit("LiteLLM's models at one server", "models-one-port", lambda m: foreign(m, "b"), ("model_list[1] (b)",),
            Severity.NOTE, repaired=False, healthy=lambda m: foreign(m, "a")),
]  # fmt: skip


def test_a_provider_on_an_engines_port(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    box = "  chat-x-box: {provider: box, id: x}\n  chat-x-us: {provider: us, id: x}\n"
    machine.models(box, model=MODEL + PORT)
    text = machine.path(CONFIG).read_text()
    more = "providers:\n  box: {base_url: 'http://localhost:8188/v1'}\n  us: {base_url: 'http://127.0.0.1:4000/v1'}\n"
    machine.write(CONFIG, text.replace("providers:\n", more))
    box_found, us_found = look(OnePort(), machine.site)[0].findings
    assert "model chat-hermes-llamacpp" in box_found.summary
    assert "the server itself" in us_found.summary


def test_a_file_that_is_refused_for_something_else_cannot_be_looked_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(CONFIG, "nonsense: 1\n")
    assert look(OnePort(), machine.site)[0].could_not
