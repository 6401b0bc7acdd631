from __future__ import annotations

import json
from pathlib import Path

import pytest

from glowplug.cli.main import main
from glowplug.paths import state_paths
from glowplug.runtime import _prepare_keys
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import ADMIN, FakeServer, Running


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that was started once and does not run; the working directory is beside it."""
    paths = state_paths(tmp_path / "state")
    paths.prepare()
    _prepare_keys(paths, None)
    monkeypatch.chdir(tmp_path)
    return paths.state


def test_it_writes_and_says_what_is_in_it(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state-dir", str(state), "backup"]) == 0
    (made,) = tmp_path.glob("glowplug-*.glowplug")
    said = capsys.readouterr()
    assert said.out.startswith(f"{made.name}: ") and "verified" in said.out
    assert "pepper.key" in said.err and "keep it as you keep your keys" in said.err


def test_a_file_is_never_written_over(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b").write_text("mine")
    assert main(["--state-dir", str(state), "backup", "b"]) == 1
    assert "b is there already" in capsys.readouterr().err
    assert (tmp_path / "b").read_text() == "mine"
    assert main(["--state-dir", str(state), "--url", "http://127.0.0.1:1", "backup", "c"]) == 1
    assert "stays there" in capsys.readouterr().err


def test_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state-dir", str(state), "--json", "backup", "b"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["file"] == "b" and {table["name"] for table in made["manifest"]["tables"]} > {"api_keys", "attempts"}


def test_into_a_folder_the_last_few_stay(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [folder / f"glowplug-2020010{day}T000000Z.glowplug" for day in (1, 2, 3)]
    for file in (*old, folder / "monday.glowplug"):
        file.touch()
    assert main(["--state-dir", str(state), "backup", "--into", str(folder), "--keep", "2"]) == 0
    assert "newer ones are there" in capsys.readouterr().out
    assert [file.exists() for file in old] == [False, False, True]
    assert (folder / "monday.glowplug").exists(), "what was given a name was meant to stay"
    assert len(list(folder.iterdir())) == 3
    assert main(["--state-dir", str(state), "backup", "b", "--into", str(folder)]) == 2
    assert main(["--state-dir", str(state), "backup", "--keep", "2"]) == 2


def test_the_server_makes_one_where_it_is(glowplug: Glowplug, running: Running, server: FakeServer) -> None:
    said = glowplug("--url", running.url, "--key", ADMIN, "backup", "--keep", "1")
    assert said.out.splitlines() == [
        "/state/backups/b.glowplug there: 12 rows of 1 tables, 4,000 bytes, verified",
        "a.glowplug: removed, 1 newer ones are there",
    ]
    assert glowplug("--url", running.url, "--key", ADMIN, "backup", "--json").document["backup"]["rows"] == 12
