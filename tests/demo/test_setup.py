from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
import urllib.request
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.load import load, load_bytes
from glowplug.demo import model_path, setup
from glowplug.domain.model import Capability, Cold
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError
from glowplug.paths import Paths, demo_paths, state_paths

ODD = (
    "/a b/c",
    '/it\'s "odd"',
    "/back\\slash",
    "/${HOME}/x",
    "/$${HOME}",
    "/${",
    "/ü☃𝄞",
    "/tab\there",
    "/line\nbreak",
    "/\x07\x7f\x85\ufeff",
    "/#not: a comment, [no] {list}",
    "- &x *y !z",
)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)
odd = st.sampled_from(ODD) | text


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = state_paths(tmp_path / "state with 'odd' name")
    paths.prepare()
    return paths


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine on PATH and a file for every model."""
    monkeypatch.setattr(setup, "engine_command", lambda: ["llama-server"])
    monkeypatch.setattr(setup, "model_path", lambda name: model_path("embed-demo"))


@given(program=odd, more=st.lists(odd, max_size=2), weights=odd, python_path=odd | st.just(""))
def test_what_it_writes_is_read_back_without_a_problem_whatever_the_paths(
    program: str, more: list[str], weights: str, python_path: str
) -> None:
    path, command = f"/{weights}", [f"/{program}", *more]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup, "weights", lambda name: path)
        written = setup.configuration(command, "http://127.0.0.1:1/v1", "sk-cloud", python_path)
    loaded = load_bytes(written.encode(), path=Path("/d/demo.yaml"), env={"HOME": "/h"}, engines=Catalogue())
    assert {warning.path for warning in loaded.warnings} <= {f"models.{n}.path" for n in (setup.CHAT, setup.EMBED)}
    for model in loaded.local_models:
        assert (model.command[1:], model.env) == (tuple(more), {"PYTHONPATH": python_path} if python_path else {})
        assert os.path.normpath(model.command[0]) == os.path.normpath(command[0])
        assert os.path.normpath(model.path) == os.path.normpath(path)
    assert len(loaded.local_models) == 2


@pytest.mark.usefixtures("installed")
def test_the_demo_is_two_models_a_cloud_and_three_aliases(paths: Paths) -> None:
    prepared = setup.prepare(paths)
    assert stat.S_IMODE(prepared.config.stat().st_mode) == 0o600
    loaded = load(prepared.config, env=os.environ, engines=Catalogue())
    assert loaded.warnings == ()
    routes = {route.name: route for route in loaded.routes}
    assert list(routes) == [setup.CHAT, setup.EMBED, setup.CLOUD]
    assert set(routes[setup.EMBED].capabilities) == {Capability.EMBEDDINGS}
    assert all(Path(model.path).is_file() for model in loaded.local_models)
    assert {alias.name: (alias.targets, alias.cold) for alias in loaded.aliases} == {
        "chat-default": ((setup.CHAT, setup.CLOUD), Cold.CLOUD_WHILE_COLD),
        "chat-patient": ((setup.CHAT, setup.CLOUD), Cold.WAIT),
        "embeddings-default": ((setup.EMBED,), Cold.WAIT),
    }
    cloud = routes[setup.CLOUD]
    assert f"--port {cloud.base_url.rpartition(':')[2].removesuffix('/v1')} " in " ".join(prepared.provider)
    assert cloud.api_key in prepared.provider and cloud.upstream_model == prepared.provider[-1] == "stand-in"


@pytest.mark.usefixtures("installed")
def test_each_start_has_another_key_and_leaves_no_old_text(paths: Paths) -> None:
    (paths.state / "demo.yaml").write_text("x" * 100_000)
    first, second = setup.prepare(paths), setup.prepare(paths)
    assert first.provider[first.provider.index("--api-key") + 1] not in second.config.read_text()
    load(second.config, env=os.environ, engines=Catalogue())


@pytest.mark.usefixtures("installed")
def test_the_stand_in_answers_at_the_address_that_was_written(paths: Paths) -> None:
    prepared = setup.prepare(paths)
    [cloud] = [r for r in load(prepared.config, env=os.environ, engines=Catalogue()).routes if not r.local]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(prepared.provider, env=environment, stdout=subprocess.PIPE) as provider:
        try:
            assert provider.stdout is not None and provider.stdout.readline()
            asking = urllib.request.Request(f"{cloud.base_url}/models")
            asking.add_header("Authorization", f"Bearer {cloud.api_key}")
            with urllib.request.urlopen(asking, timeout=20) as answer:
                assert b"stand-in" in answer.read()
        finally:
            provider.kill()


def llama_server(directory: Path) -> None:
    program = directory / "llama-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("installed", "wheel", "command"),
    [
        (True, True, ["llama-server"]),
        (True, False, ["llama-server"]),
        (False, True, [sys.executable, "-m", "glowplug.engines.llamacpp_inproc"]),
    ],
)
def test_the_engine_is_llama_server_else_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool, wheel: bool, command: list[str]
) -> None:
    if installed:
        llama_server(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(setup, "find_spec", lambda name: ModuleSpec(name, None) if wheel else None)
    assert setup.engine_command() == command


def test_without_any_engine_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(setup, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"glowplug\[demo\]"):
        setup.engine_command()


def test_weights_that_are_not_there_are_explained() -> None:
    assert Path(setup.weights("embed-demo")).read_bytes()[:4] == b"GGUF"
    with pytest.raises(ConfigError, match="reinstall"):
        setup.weights("no-such")


def test_the_welcome_names_a_program_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    program = os.path.relpath(Path(sys.executable).with_name("glowplug"))
    assert f"      {program} ps" in setup.welcome("http://h", "k", demo_paths())


def test_the_welcome_can_be_pasted_into_a_shell(paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "glowplug").write_text("#!/bin/sh\n")
    (tmp_path / "glowplug").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "      glowplug ps" in setup.welcome("http://h", "k", demo_paths()), "the command line finds that one itself"
    lines = setup.welcome("http://127.0.0.1:4000", "sk-gp-1", paths)
    for line in lines:
        if " run " in line or line.strip().endswith(" ps"):
            assert shlex.split(line)[:3] == ["glowplug", "--state-dir", str(paths.state)]
    pasted = " ".join(line.strip().removesuffix("\\") for line in lines if "curl" in line or "-d '" in line)
    words = shlex.split(pasted)
    assert words[1] == "http://127.0.0.1:4000/v1/chat/completions"
    assert "Authorization: Bearer sk-gp-1" in words and setup.CHAT in words[-1]
