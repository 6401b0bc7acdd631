"""`glowplug doctor`: what it says, shows, does and undoes; and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glowplug.cli import doctor
from glowplug.cli.main import main
from glowplug.doctor import registry
from glowplug.domain.finding import Examination, Finding, Group, Looked, Repaired, Severity
from glowplug.errors import RequestError

FOUND = Finding(check="machine-x", severity=Severity.WARNING, subject="it", summary="is odd")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one defect and nothing else around it; only the check of that runs."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(registry, "ROWS", (("machine_secret_files", "SecretFiles"),))
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    (folder / "pepper.key").write_bytes(b"p" * 32)
    (folder / "pepper.key").chmod(0o644)
    return folder


def run(state: Path, *words: str) -> int:
    return main(["--state-dir", str(state), "doctor", *words])


def test_it_says_what_it_found_and_what_to_do(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state) == 1
    said = capsys.readouterr()
    assert "pepper.key can be read by other accounts (mode 0644)  [machine-secret-files]" in said.out
    assert "1 checks: 1 error" in said.err and "--fix --dry-run" in said.err
    assert run(state, "machine", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    (check,) = found["checks"]
    assert check["findings"][0]["severity"] == "error" and check["remedy"]["steps"][0]["says"].startswith(
        "set the mode"
    )


def test_a_dry_run_shows_the_steps_and_changes_nothing(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, "--fix", "--dry-run") == 1
    assert "would   set the mode of" in capsys.readouterr().out
    assert (state / "pepper.key").stat().st_mode & 0o777 == 0o644
    assert not (state / "doctor").exists()


def test_it_repairs_and_undoes(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, "--undo", "list") == 0
    assert "nothing has been repaired yet" in capsys.readouterr().err
    assert run(state, "--fix", "machine-secret-files") == 0
    said = capsys.readouterr().out
    assert (state / "pepper.key").stat().st_mode & 0o777 == 0o600
    name = said.rpartition("--undo ")[2].strip()
    assert run(state, "--undo", "list") == 0
    assert name in capsys.readouterr().out
    assert run(state, "--undo", name) == 0
    assert capsys.readouterr().out.startswith("undone: set the mode")
    assert (state / "pepper.key").stat().st_mode & 0o777 == 0o644
    assert run(state, "--undo", name, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"id": name, "undone": []}
    assert run(state, "--undo", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["data"][0]["undone_at"]


def test_lists_and_refusals(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, "--list") == 0
    assert "machine-secret-files" in capsys.readouterr().out
    assert run(state, "--list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["data"][0]["slow"] is False
    assert run(state, "nonsense") == 1
    assert "no check 'nonsense'" in capsys.readouterr().err
    assert run(state, "--undo", "nonsense") == 1
    assert "no repair 'nonsense'" in capsys.readouterr().err
    assert main(["--url", "http://127.0.0.1:1", "doctor"]) == 1
    assert "leave --url out" in capsys.readouterr().err


def test_an_index_is_asked_only_when_somebody_says_so(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "ROWS", (("ourselves_release", "Release"),))
    assert run(state) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("GLOWPLUG_RELEASES", "http://index.example/simple/")
    assert run(state) == 5
    assert "? ourselves-release: could not look, because no package index was asked" in capsys.readouterr().out
    assert run(state, "--releases", "http://127.0.0.1:1/simple/") == 5
    assert "newer releases are not known: 127.0.0.1 cannot be asked" in capsys.readouterr().out


def looked(**more: object) -> Looked:
    return Looked(check="machine-x", title="All is well", group=Group.MACHINE, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("found", "code"), [
    (Examination(checks=(looked(),)), 0),
    (Examination(checks=(looked(skipped="no docker"),)), 0),
    (Examination(checks=(looked(findings=(FOUND,)),)), 1),
    (Examination(checks=(looked(could_not="no permission"),)), 5),
    (Examination(checks=(looked(could_not="no permission"), looked(findings=(FOUND,)))), 1),
    (Examination(checks=(looked(),), repaired=(Repaired(check="machine-x", failed="no"),)), 1),
])  # fmt: skip
def test_exit_codes(found: Examination, code: int) -> None:
    assert doctor.exit_code(found) == code


def test_notes_are_healthy() -> None:
    note = Finding(check="machine-x", severity=Severity.NOTE, subject="it", summary="is old")
    assert doctor.exit_code(Examination(checks=(looked(findings=(note,)),))) == 0


def test_whose_configuration_it_is_shows(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    for text, theirs in (("model_list:\n", True), ("models:\n  a:\n", False), ("  model_list:\n", False)):
        file.write_text(text)
        assert doctor.is_litellms(file) is theirs
    assert doctor.is_litellms(tmp_path / "none") is False


def test_a_litellm_is_its_database_or_its_port_or_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-env")
    monkeypatch.setenv("WHERE", "http://b")
    (tmp_path / "key").write_text("sk-file\n")
    both = doctor.foreign_of(("postgresql://x", "http://a:4000"), None, (), tmp_path / "key")
    assert both.database is not None and both.database.reveal() == "postgresql://x"
    assert both.url == "http://a:4000" and both.url_key is not None and both.url_key.reveal() == "sk-file"
    port = doctor.foreign_of(("env:WHERE",), None, (), None)
    assert (port.database, port.url) == (None, "http://b")
    assert port.url_key is not None and port.url_key.reveal() == "sk-env"
    assert doctor.foreign_of((), tmp_path, (), None).url_key is None
    with pytest.raises(RequestError, match="one LiteLLM at a time"):
        doctor.foreign_of(("http://a", "https://b"), None, (), None)
