"""Configurations of the candidates, and which processes are the data path."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.candidates import ALIAS, UPSTREAM_MODEL, glowplug_config, litellm_config, nginx_config, worker_pids
from ruamel.yaml import YAML

COMMANDS = {10: "python -m glowplug up", 11: "python -c control", 12: "python -c x", 13: "python -c y"}


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ({"workers": [{"pid": 12}, {"pid": 13}], "pid": 11}, (12, 13)),
        ({"workers": {"w0": 12}}, (12,)),
        ({"pids": {"control": 11, "workers": [13]}}, (13,)),
        ({"workers": 1, "pids": {"worker-0": 12}}, (12,)),
        ({"workers": [{"pid": 99, "connected": True}]}, ()),
        (None, ()),
    ],
)
def test_workers_are_the_ones_the_status_names(status: object, found: tuple[int, ...]) -> None:
    assert worker_pids(status, COMMANDS) == found


def test_without_a_status_the_command_line_tells() -> None:
    commands = {
        1: '/opt/gateway/python -m glowplug.supervisor {"workers": [["python", "-m", "glowplug.gateway.worker"]]}',
        2: "python -m glowplug.gateway.main --index 0",
        3: "python -m glowplug.runtime worker 0",
        4: "python -m glowplug.control.main /tmp/worker",
    }
    assert worker_pids(None, commands) == (2, 3)


def test_the_yaml_files_name_alias_and_upstream() -> None:
    ours = YAML(typ="safe").load(glowplug_config(1234))
    (target,) = ours["aliases"][ALIAS]["targets"]
    assert ours["models"][target]["id"] == UPSTREAM_MODEL
    assert ours["providers"][ours["models"][target]["provider"]]["base_url"] == "http://127.0.0.1:1234/v1"
    theirs = YAML(typ="safe").load(litellm_config(1234, "sk-1"))
    (model,) = theirs["model_list"]
    assert (model["model_name"], model["litellm_params"]["model"]) == (ALIAS, f"openai/{UPSTREAM_MODEL}")


def test_nginx_buffers_json_and_not_streams() -> None:
    text = nginx_config(1, 2, 3, Path("/w"))
    assert text.count("{") == text.count("}")
    json_site, sse_site = text.split("listen 127.0.0.1:2 ")[1].split("listen 127.0.0.1:3 ")
    assert "proxy_buffering on;" in json_site
    assert "proxy_buffering off;" in sse_site
    assert "server 127.0.0.1:1;" in text
