"""`glowplug up --litellm-config`: a foreign file, run as it is."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install
from tests.e2e.installation import until

MASTER = "sk-master-0123456789"


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
