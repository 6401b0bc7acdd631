"""Upstreams that do not answer."""

from __future__ import annotations

import socket
from pathlib import Path

from glowplug.doctor.checks.models_unreachable import Unreachable
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, Exhibit, Machine


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def near(machine: Machine, url: str) -> None:
    machine.write(
        CONFIG, f"providers:\n  box: {{base_url: '{url}'}}\nmodels:\n  chat-x-box: {{provider: box, id: x}}\n"
    )


def foreign(machine: Machine, url: str) -> None:
    params = f"{{model: openai/x, api_base: '{url}', timeout: 9, rpm: 9}}"
    machine.litellm_config(f"model_list:\n- {{model_name: x, litellm_params: {params}}}\n")


EXHIBITS = [
    Exhibit("nobody listens", "models-unreachable", lambda m: near(m, f"http://127.0.0.1:{closed_port()}/v1"),
            ("127.0.0.1:",), Severity.ERROR, repaired=False),
    Exhibit("a name that is none", "models-unreachable", lambda m: near(m, "http://box.test:8000/v1"),
            ("box.test:8000",), Severity.ERROR, repaired=False),
    Exhibit("LiteLLM's upstream is gone", "models-unreachable",
            lambda m: foreign(m, f"http://127.0.0.1:{closed_port()}"), ("127.0.0.1:",), Severity.ERROR, repaired=False),
]  # fmt: skip


def test_who_answers_is_fine_and_the_world_is_not_asked(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        near(machine, f"http://127.0.0.1:{server.getsockname()[1]}/v1")
        looked, _ = look(Unreachable(), machine.site)
        assert (looked.findings, looked.skipped, looked.could_not) == ((), "", "")
    machine.models()
    assert look(Unreachable(), machine.site)[0].skipped
