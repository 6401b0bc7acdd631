"""Releases of LiteLLM that are stolen or have holes, wherever they are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.litellm_compromised import Compromised
from glowplug.doctor.examine import look
from glowplug.doctor.site import Foreign
from glowplug.domain.finding import Severity
from tests.doctor.museum import HOME, Exhibit, Machine

CHECK = "litellm-compromised"
VENV = f"{HOME}/code/app/.venv/lib/python3.12/site-packages"
TOOL = f"{HOME}/.local/share/uv/tools/litellm/lib/python3.11/site-packages"
DEBIAN = "/usr/local/lib/python3.11/dist-packages"


def install(machine: Machine, folder: str, version: str, named: str = "") -> None:
    text = f"Metadata-Version: 2.4\nName: litellm\nVersion: {version}\n\nVersion: 0 in its description\n"
    machine.write(f"{folder}/litellm-{named or version}.dist-info/METADATA", text, 0o644)


def healthy(machine: Machine) -> None:
    install(machine, VENV, "1.84.0")
    install(machine, TOOL, "1.109.1")
    machine.write(f"{VENV}/litellm_proxy_extras-0.4.1.dist-info/METADATA", "Version: 1.82.8\n", 0o644)
    machine.write(f"{VENV}/distutils-precedence.pth", "import os\n", 0o644)


def starter(machine: Machine, *folders: str) -> None:
    for folder in folders:
        machine.write(f"{folder}/litellm_init.pth", "import os; exec('')\n", 0o644)


def beside(machine: Machine) -> None:
    config = "/data/litellm/config.yaml"
    machine.write(config, "general_settings: {master_key: os.environ/ELSEWHERE}\n")
    machine.site.litellm = Foreign(config=Path(config))
    install(machine, VENV, "1.84.0")


EXHIBITS = [
    Exhibit("a stolen release in a tool of uv's", CHECK,
            lambda m: install(m, f"{HOME}/.local/share/uv/tools/other/lib/python3.13/site-packages", "1.82.7"),
            ("LiteLLM 1.82.7 in ",), Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("one in uv's cache", CHECK, lambda m: install(m, f"{HOME}/.cache/uv/archive-v0/Ab1", "1.82.8"),
            ("LiteLLM 1.82.8 in ",), Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("what it leaves behind, in three places", CHECK, lambda m: starter(m, VENV, TOOL, DEBIAN),
            ("/.local/share/uv/", "/code/app/", DEBIAN), Severity.ERROR, healthy=healthy),
    Exhibit("only that is left", CHECK, lambda m: starter(m, f"{HOME}/.local/lib/python3.11/site-packages"),
            ("litellm_init.pth",), Severity.ERROR),
    Exhibit("a release with holes", CHECK, lambda m: install(m, DEBIAN, "1.82.6"), ("LiteLLM 1.82.6 in /usr",),
            repaired=False, healthy=healthy),
    Exhibit("one beside the configuration", CHECK,
            lambda m: install(m, "/data/litellm/.venv/lib/python3.11/site-packages", "1.83.8"), ("/data/litellm/",),
            repaired=False, healthy=beside),
]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("1.72.6", {"CVE-2026-49468", "CVE-2026-35030"}),
        ("1.81.16", {"CVE-2026-42208", "CVE-2026-49468", "CVE-2026-35030"}),
        ("1.83.0", {"CVE-2026-42208", "CVE-2026-49468"}),
        ("1.83.7rc1", {"CVE-2026-42208", "CVE-2026-49468"}),
        ("1.83.7", {"CVE-2026-49468"}),
        ("1.83.7.post1", {"CVE-2026-49468"}),
        ("1.84.0rc1", {"CVE-2026-49468"}),
        ("1.84.0", set()),
        ("1.100", set()),
    ],
)
def test_holes_go_by_the_version(bare: Machine, version: str, names: set[str]) -> None:
    install(bare, VENV, version)
    findings = look(Compromised(), bare.site)[0].findings
    assert {line.partition(":")[0] for finding in findings for line in finding.evidence} == names
    assert not names or "1.84.0 or later" in findings[0].advice


def test_the_package_says_its_version_and_else_its_folder(bare: Machine) -> None:
    install(bare, VENV, "1.82.8", named="1.84.0")
    bare.path(f"{TOOL}/litellm-1.82.7.dist-info").mkdir(parents=True)
    assert [finding.subject for finding in look(Compromised(), bare.site)[0].findings] == [
        f"LiteLLM 1.82.7 in {TOOL}", f"LiteLLM 1.82.8 in {VENV}",
    ]  # fmt: skip


def test_a_folder_is_looked_at_once(bare: Machine) -> None:
    install(bare, VENV, "1.82.8")
    bare.path(f"{HOME}/code/app/.venv/lib64").symlink_to("lib")
    bare.path(f"{HOME}/app").symlink_to("code/app")
    assert len(look(Compromised(), bare.site)[0].findings) == 1


def test_without_litellm_there_is_nothing_to_look_at(bare: Machine) -> None:
    bare.write(f"{VENV}/pip-24.dist-info/METADATA", "Version: 24\n")
    assert look(Compromised(), bare.site)[0].skipped
