"""LiteLLM's files: what it includes, and what sets its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.litellm_files import environment_files, settings, variables
from glowplug.doctor.site import Foreign
from glowplug.errors import ConfigError
from tests.doctor.museum import HOME, LITELLM, Machine


def test_the_configuration_has_what_it_includes(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert settings(machine.site) == {}
    machine.configure_litellm("include: [more.yaml]\nrouter_settings: {num_retries: 1}\n")
    machine.write(f"{HOME}/litellm/more.yaml", "router_settings: {num_retries: 2}\n")
    assert settings(machine.site)["router_settings"] == {"num_retries": 2}


def test_one_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.configure_litellm("a: [\n")
    with pytest.raises(ConfigError):
        settings(machine.site)
    machine.site.litellm = Foreign(config=Path("/nowhere.yaml"))
    with pytest.raises(FileNotFoundError):
        settings(machine.site)


def test_environment_files_are_beside_it_in_its_folders_and_the_users(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.configure_litellm("{}\n", "A=1\n")
    for path in ("litellm/prod.env", ".config/litellm/env", "litellm/.env.example", ".config/litellm/config.yaml"):
        machine.write(f"{HOME}/{path}", "A=1\n")
    machine.write(f"{HOME}/.bashrc", "export B=2\n")
    machine.write(f"{HOME}/litellm/long.env", b"#" * (1 << 21))
    folder = str(Path(LITELLM).parent)
    assert environment_files(machine.site) == [f"{folder}/.env", f"{folder}/prod.env", f"{HOME}/.config/litellm/env"]
    assert environment_files(machine.site, users=True)[-1] == f"{HOME}/.bashrc"


def test_lines_are_read_as_shells_and_dotenv_do(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    lines = [
        "# A=0",
        "A=1",
        "export B='two # not a comment' # one",
        ' C = "3"',
        "D=4 # four",
        "E",
        "F=",
        "if x=1; then",
    ]
    machine.write(f"{HOME}/.env", "\n".join(lines))
    found = list(variables(machine.site, f"{HOME}/.env"))
    assert [(one.line, one.name, one.value) for one in found] == [
        (2, "A", "1"), (3, "B", "two # not a comment"), (4, "C", "3"), (5, "D", "4"), (7, "F", ""),
    ]  # fmt: skip
    assert "two" not in repr(found)
