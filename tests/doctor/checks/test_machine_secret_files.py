"""Files with secrets that others can read."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.machine_secret_files import SecretFiles
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, HOME, LITELLM, STATE, Exhibit, Machine

UNIT = "[Service]\nExecStart=/bin/true\nEnvironment=OPENAI_API_KEY=sk-1\n"


def litellm(machine: Machine) -> None:
    machine.path(LITELLM).with_name(".env").chmod(0o644)


EXHIBITS = [
    Exhibit("the pepper is for everybody", "machine-secret-files",
            lambda m: m.path(f"{STATE}/pepper.key").chmod(0o644), ("pepper.key",), Severity.ERROR),
    Exhibit("a configuration with a key is for the group", "machine-secret-files",
            lambda m: m.path(CONFIG).chmod(0o640),
            ("config.yaml",)),
    Exhibit("LiteLLM's environment is for everybody", "machine-secret-files",
            lambda m: m.write(f"{HOME}/.config/litellm/.env", "LITELLM_MASTER_KEY=sk-1\n", 0o644) and None,
            (".env",), Severity.ERROR),
    Exhibit("LiteLLM's configuration, wherever it is", "machine-secret-files", litellm, ("/litellm/.env",),
            Severity.ERROR, healthy=lambda m: m.litellm_config("model_list: []\n")),
    Exhibit("a unit with a key", "machine-secret-files",
            lambda m: m.write(f"{HOME}/.config/systemd/user/x.service", UNIT, 0o644) and None, ("x.service",),
            Severity.ERROR),
    Exhibit("Hugging Face's token", "machine-secret-files",
            lambda m: m.write(f"{HOME}/.cache/huggingface/token", "hf_x", 0o640) and None, ("huggingface/token",)),
]  # fmt: skip


def test_a_file_without_secrets_may_be_read(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(f"{HOME}/.config/glowplug/notes.yaml", "models: {}\n", 0o644)
    looked, remedy = look(SecretFiles(), machine.site)
    assert (looked.findings, remedy, looked.could_not) == ((), None, "")


def test_without_any_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.path(f"{STATE}/pepper.key").unlink()
    machine.path(CONFIG).unlink()
    assert look(SecretFiles(), machine.site)[0].skipped
