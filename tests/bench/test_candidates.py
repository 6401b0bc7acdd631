"""Configurations of the candidates, and which processes are the data path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.candidates import (
    ALIAS,
    UPSTREAM_MODEL,
    Running,
    glowplug_config,
    litellm_config,
    nginx_config,
    start_glowplug,
    worker_pids,
)
from bench.programs import Pinning, Upstream, ask, build
from ruamel.yaml import YAML

from glowplug.config.load import load
from glowplug.engines.catalogue import Catalogue

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


@pytest.mark.parametrize("full", [False, True])
def test_the_configuration_is_one_with_everything_that_it_says(full: bool, tmp_path: Path) -> None:
    file = tmp_path / "glowplug.yaml"
    file.write_text(glowplug_config(1234, full=full))
    loaded = load(file, env={"BENCH_UPSTREAM_KEY": "sk-upstream"}, engines=Catalogue())
    assert not loaded.warnings
    model = loaded.config.models["chat-bench-openai"]
    assert model.rpm
    assert all([model.tpm, model.max_concurrency, model.price]) is full
    assert len(loaded.config.aliases[ALIAS].targets) == 1 + full


@pytest.mark.skipif(shutil.which("cc") is None or shutil.which("make") is None, reason="no C compiler for the upstream")
def test_a_full_key_is_limited_and_paid_for_in_every_way(full: Running) -> None:
    """And answers all the same."""
    status, answer = ask(
        full.json_port, "POST", "/v1/chat/completions", key=full.key, body={"model": ALIAS, "messages": []}
    )
    assert (status, full.translates) == (200, True), answer


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    build()
    pinning = Pinning(sorted(os.sched_getaffinity(0)))
    upstream = Upstream(pinning, events=1, gap_us=1, model=UPSTREAM_MODEL)
    try:
        running = start_glowplug(upstream.port, tmp_path_factory.mktemp("full"), pinning, full=True)
        yield running
        running.close()
    finally:
        upstream.close()


def test_nginx_buffers_json_and_not_streams() -> None:
    text = nginx_config(1, 2, 3, Path("/w"))
    assert text.count("{") == text.count("}")
    json_site, sse_site = text.split("listen 127.0.0.1:2 ")[1].split("listen 127.0.0.1:3 ")
    assert "proxy_buffering on;" in json_site
    assert "proxy_buffering off;" in sse_site
    assert "server 127.0.0.1:1;" in text
