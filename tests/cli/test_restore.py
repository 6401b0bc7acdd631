from __future__ import annotations

import json
from pathlib import Path

import pytest

from glowplug.claim import claim
from glowplug.cli.main import main
from glowplug.paths import state_paths
from glowplug.runtime import _prepare_keys


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    paths = state_paths(tmp_path / "state")
    paths.prepare()
    _prepare_keys(paths, None)
    monkeypatch.chdir(tmp_path)
    assert main(["--state-dir", str(paths.state), "backup", "b"]) == 0
    return paths.state


def test_it_says_what_it_would_do_and_does_it(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path.name for path in state.iterdir())
    assert main(["--state-dir", str(state), "restore", "--dry-run", "b"]) == 0
    assert "b can be restored: " in capsys.readouterr().out
    assert sorted(path.name for path in state.iterdir()) == before
    assert main(["--state-dir", str(state), "--json", "restore", "b"]) == 0
    done = json.loads(capsys.readouterr().out)
    (kept,) = done["kept"]
    assert Path(kept).name.startswith("glowplug.db.before-restore-") and Path(kept).exists()
    assert main(["--state-dir", str(state), "restore", "b"]) == 0
    said = capsys.readouterr()
    assert f"b was restored into the database {state / 'glowplug.db'}: " in said.out
    assert "what was there is kept: " in said.err


def test_while_something_runs_there_it_is_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with claim(state_paths(state)):
        assert main(["--state-dir", str(state), "restore", "b"]) == 1
    assert "running on" in capsys.readouterr().err
    assert main(["--state-dir", str(state), "--url", "http://127.0.0.1:1", "restore", "b"]) == 1


def test_what_is_no_backup_is_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("n").write_text("nothing")
    for words in (["restore", "n"], ["restore", "--dry-run", "n"], ["restore", "none"]):
        assert main(["--state-dir", str(state), *words]) == 1
        assert "cannot be read" in capsys.readouterr().err
