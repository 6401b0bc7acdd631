"""`glowplug handover`: made of what is here, asked of a server that runs, and without any secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.systemd.units import Setup, units
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import ADMIN, FakeServer

PLANTED = "planted-5ecret"
CONFIG = f"""\
server:
  database: postgresql://me:{PLANTED}-database@127.0.0.1:9/none
providers:
  hidden:
    base_url: https://cloud.invalid/{PLANTED}-path/v1
    api_key: {PLANTED}-key
    headers:
      x-extra: Bearer {PLANTED}-header
  other:
    base_url: https://other.invalid/v1
    api_key: ${{OTHER_API_KEY}}
models:
  chat-cloud: {{provider: hidden, id: big}}
  chat-other: {{provider: other, id: big}}
  chat-here:
    engine: command
    command: [serve, --api-key, {PLANTED}-argument]
    env: {{HF_TOKEN: {PLANTED}-env}}
    ready: {{tcp: true}}
aliases:
  chat: {{targets: [chat-here, chat-cloud], fallback: [chat-other]}}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OTHER_API_KEY", f"{PLANTED}-variable")
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    beside = tmp_path / "environment"
    beside.write_text(f"THIRD_API_KEY={PLANTED}-unit\n")
    return file


@pytest.mark.parametrize("form", ["page", "json", "file"])
def test_no_secret_is_in_it(form: str, glowplug: Glowplug, config: Path, tmp_path: Path, state_dir: Path) -> None:
    (state_dir / "cli.key").write_text(f"sk-{PLANTED}-cli\n")
    target = tmp_path / "page.md"
    options = {"page": [], "json": ["--json"], "file": ["--output", str(target)]}[form]
    said = glowplug("--state-dir", str(state_dir), "handover", "--config", str(config), *options)
    assert said.code == 0, said.err
    whole = said.out + said.err + (target.read_text() if form == "file" else "")
    assert PLANTED not in whole
    for fact in ("chat-cloud", "cloud.invalid", "chat-here", "this machine, command", "chat-other", str(state_dir)):
        assert fact in whole


def test_a_running_server_is_asked(glowplug: Glowplug, server: FakeServer, config: Path) -> None:
    said = glowplug("handover", "--config", str(config), "--json").document
    assert said["facts"]["running"] is True and ADMIN not in said["page"]
    assert "(runs)" in said["page"]


def test_a_configuration_that_is_wrong_is_what_is_open(glowplug: Glowplug, tmp_path: Path, state_dir: Path) -> None:
    broken = tmp_path / "config.yaml"
    broken.write_text("server: {prot: 1}\n")
    said = glowplug("--state-dir", str(state_dir), "handover", "--config", str(broken))
    assert said.code == 0
    assert "the configuration cannot be used" in said.out.partition("## What is open")[2]


def test_a_page_is_replaced_and_another_file_is_not(
    glowplug: Glowplug, config: Path, tmp_path: Path, state_dir: Path
) -> None:
    words = ("--state-dir", str(state_dir), "handover", "--config", str(config), "--output")
    assert glowplug(*words, str(tmp_path / "page.md")).out == f"{tmp_path / 'page.md'}: written\n"
    assert glowplug(*words, str(tmp_path / "page.md")).code == 0
    (tmp_path / "mine.md").write_text("mine")
    said = glowplug(*words, str(tmp_path / "mine.md"))
    assert said.code == 1 and "is there already" in said.err and (tmp_path / "mine.md").read_text() == "mine"
    assert glowplug("--url", "http://127.0.0.1:1", "handover").code == 1


def test_units_are_found_by_their_state_directory_whatever_their_name(
    glowplug: Glowplug, tmp_path: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "systemd" / "user"
    folder.mkdir(parents=True)
    for name, state in (("llm", state_dir), ("other", tmp_path)):
        setup = Setup(
            command=("python", "-m", "glowplug"), state=str(state), listen="127.0.0.1:4000", backups="/b",
            environment="/e", path="/usr/bin", name=name,
        )  # fmt: skip
        for unit, text in units(setup).items():
            (folder / unit).write_text(text)
    (folder / "foreign.service").write_text("[Service]\nExecStart=/bin/true\n")
    text = glowplug("--state-dir", str(state_dir), "handover").out
    assert "systemctl --user start llm.service" in text and "`other.service`" not in text
