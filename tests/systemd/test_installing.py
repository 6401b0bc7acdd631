"""Units on a disk, with a manager that is written down, and the whole way with a real one."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from glowplug.errors import RequestError, Unavailable
from glowplug.systemd.installing import Systemctl, folder_of, install, installed, installed_for, status, uninstall
from glowplug.systemd.units import unit_names, units
from tests.support import systemd_user
from tests.support.systemd_user import UserManager
from tests.systemd.test_units import SETUP

SOURCE = Path(__file__).parents[2] / "src"
LISTED = ("list-units", "--all", "--plain", "--no-legend", "--type=service,socket,timer", "glowplug*")
FAKE = """\
#!/bin/sh
echo "$*" >> "{log}"
case "$*" in
  *fails*) echo "Failed: no such unit" >&2; exit 5;;
  "show -P Version") echo 252;;
  show*) echo ActiveState=active; echo UnitFileState=enabled;;
esac
"""


@pytest.fixture
def fake(tmp_path: Path) -> tuple[Systemctl, Path]:
    """A systemctl that writes down what it is told, and where."""
    program, log = tmp_path / "systemctl", tmp_path / "told"
    program.write_text(FAKE.format(log=log))
    program.chmod(0o755)
    log.touch()
    return Systemctl((str(program),)), log


def test_it_is_written_once_and_taken_away_whole(fake: tuple[Systemctl, Path], tmp_path: Path) -> None:
    manager, log = fake
    folder = tmp_path / "units"
    assert set(install(SETUP, folder, manager, dry_run=True).written) == set(unit_names("glowplug"))
    assert not folder.exists() and log.read_text() == ""
    install(SETUP, folder, manager)
    assert log.read_text().splitlines() == ["daemon-reload", "enable --now glowplug.socket glowplug-backup.timer"]
    assert {file.name: file.read_text() for file in folder.iterdir()} == units(SETUP)
    assert installed(folder, "glowplug") == SETUP and installed(folder, "other") is None
    assert installed_for(folder, Path(SETUP.state)) == [SETUP] and installed_for(folder, tmp_path) == []
    assert install(SETUP, folder, manager).written == ()
    assert {one.file for one in status(SETUP, folder, manager)} == {"same"}
    log.write_text("")
    assert uninstall("glowplug", folder, manager, dry_run=True).removed and log.read_text() == ""
    assert set(uninstall("glowplug", folder, manager).removed) == set(unit_names("glowplug"))
    first, second = log.read_text().splitlines()
    assert first.startswith("disable --now glowplug.socket glowplug-backup.timer") and second == "daemon-reload"
    assert list(folder.iterdir()) == []
    assert uninstall("glowplug", folder, manager).commands == ()


def test_what_was_edited_stays(fake: tuple[Systemctl, Path], tmp_path: Path) -> None:
    manager, _ = fake
    install(SETUP, tmp_path, manager)
    mine = tmp_path / "glowplug-smoke.timer"
    mine.write_text(mine.read_text().replace("04:30", "05:00"))
    other = replace(SETUP, listen="127.0.0.1:5000")
    states = {one.unit: one.file for one in status(other, tmp_path, manager)}
    assert states["glowplug-smoke.timer"] == "edited" and states["glowplug.socket"] == "outdated"
    did = install(other, tmp_path, manager)
    assert did.kept == (mine.name,) and "glowplug.socket" in did.written
    assert uninstall("glowplug", tmp_path, manager).kept == (mine.name,)
    assert "05:00" in mine.read_text()
    assert [file.name for file in tmp_path.glob("glowplug*")] == [mine.name]


def test_without_a_manager_status_still_compares(tmp_path: Path) -> None:
    nobody = Systemctl((str(tmp_path / "nowhere"),))
    assert not nobody.answers()
    assert {(one.file, one.active) for one in status(SETUP, tmp_path, nobody)} == {("missing", "")}
    with pytest.raises(Unavailable, match="is not here"):
        install(SETUP, tmp_path / "units", nobody)


def test_failures_say_what_and_where(fake: tuple[Systemctl, Path], tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"start fails` failed: Failed: no such unit"):
        fake[0].tell("start", "fails")
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="cannot be"):
        install(SETUP, tmp_path / "file", fake[0])


def test_where_units_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    assert folder_of({}, system=False) == Path("/h/.config/systemd/user")
    assert folder_of({"XDG_CONFIG_HOME": "/c"}, system=False) == Path("/c/systemd/user")
    assert folder_of({}, system=True) == Path("/etc/systemd/system")


def _until(what: str, condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return value


def _is_gone(manager: UserManager) -> bool:
    """Whether the killed service waits to be started again, or has been."""
    return (
        manager.show("glowplug.service", "SubState") == "auto-restart"
        or manager.show("glowplug.service", "NRestarts") != "0"
    )


class Home:
    """A home in the private manager's world, and the command run there."""

    def __init__(self, manager: UserManager, state: Path) -> None:
        self.manager = manager
        self.home = manager.runtime / "home"
        self.folder = self.home / ".config" / "systemd" / "user"
        self.state = state
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        config = self.home / ".config" / "glowplug"
        config.mkdir(parents=True, exist_ok=True)
        (config / "config.yaml").write_text(f"server:\n  host: 127.0.0.1\n  port: {self.port}\n")
        (config / "environment").write_text(f"PYTHONPATH={SOURCE}\n")

    def glowplug(self, *words: str) -> subprocess.CompletedProcess[str]:
        away = [f"--unset={name}" for name in os.environ if name.startswith(("XDG_CONFIG", "XDG_STATE", "GLOWPLUG_"))]
        return self.manager.run(
            "env", *away, f"HOME={self.home}", f"PYTHONPATH={SOURCE}",
            sys.executable, "-m", "glowplug", *words, "--state-dir", str(self.state),
        )  # fmt: skip

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        key = (self.state / "cli.key").read_text().strip()
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status


def _smoke_by_its_timer(home: Home) -> None:
    """The timer, whose hour has come, starts the smoke test; without a model the server itself is all that it asks."""
    manager = home.manager
    more = manager.runtime / "systemd" / "user" / "glowplug-smoke.timer.d" / "now.conf"
    more.parent.mkdir(parents=True)
    more.write_text("[Timer]\nOnActiveSec=0\nAccuracySec=1ms\nRandomizedDelaySec=0\n")
    assert manager.systemctl("daemon-reload").returncode == 0
    assert manager.systemctl("enable", "--now", "glowplug-smoke.timer").returncode == 0
    shutil.rmtree(more.parent)
    _until("it has run", lambda: manager.show("glowplug-smoke.service", "ExecMainExitTimestampMonotonic") != "0")
    found = [manager.show("glowplug-smoke.service", name) for name in ("Result", "ExecMainStatus", "TriggeredBy")]
    assert found == ["success", "0", "glowplug-smoke.timer"]
    cases = {case.get("name"): case for case in ElementTree.parse(home.state / "smoke.xml").iter("testcase")}
    assert {"a wrong key is refused", "somebody logs in and out", "metrics are scraped"} <= set(cases)
    assert [name for name, case in cases.items() if case.find("failure") is not None] == []
    assert cases["somebody logs in and out"].find("skipped") is None


@pytest.mark.needs(*systemd_user.PROGRAMS)
def test_from_install_to_uninstall_with_a_real_manager(user_manager: UserManager, state_dir: Path) -> None:
    home = Home(user_manager, state_dir)
    done = home.glowplug("systemd", "install")
    assert done.returncode == 0, done.stderr
    assert "This is your admin key" in done.stdout, "shown here, and not in the journal"
    assert user_manager.show("glowplug.socket", "ActiveState") == "active"
    assert user_manager.show("glowplug.service", "ActiveState") == "inactive", "it costs nothing until it is asked"
    assert home.get("/v1/models") == 200, "the first request starts it"
    _until("it says that it is ready", lambda: user_manager.show("glowplug.service", "ActiveState") == "active")
    assert user_manager.show("glowplug.service", "StatusText") == f"serving on http://127.0.0.1:{home.port}"
    assert user_manager.show("glowplug.service", "WatchdogTimestampMonotonic") != "0"
    rows = json.loads(home.glowplug("systemd", "status", "--json").stdout)["data"]
    states = {row["unit"]: (row["file"], row["enabled"], row["active"]) for row in rows}
    assert states["glowplug.service"] == ("same", "disabled", "active")
    assert states["glowplug.socket"] == ("same", "enabled", "active")
    assert states["glowplug-backup.timer"] == ("same", "enabled", "active")
    assert states["glowplug-smoke.timer"] == ("same", "disabled", "inactive"), "nobody asked for it"
    main = int(user_manager.show("glowplug.service", "MainPID"))
    os.kill(main, 9)
    # A worker that outlives it for a moment could take the next connection along into its end.
    _until("nothing of it is left", lambda: _is_gone(user_manager))
    assert home.get("/v1/models") == 200, "the socket stays, so the client waits"
    _until("it runs again", lambda: user_manager.show("glowplug.service", "ActiveState") == "active")
    assert int(user_manager.show("glowplug.service", "MainPID")) not in (0, main)
    assert user_manager.show("glowplug.service", "NRestarts") == "1"
    assert user_manager.systemctl("start", "glowplug-backup.service").returncode == 0
    assert len(list((state_dir / "backups").glob("*.glowplug"))) == 1
    _smoke_by_its_timer(home)
    gone = home.glowplug("systemd", "uninstall")
    assert gone.returncode == 0, gone.stderr
    assert user_manager.systemctl(*LISTED).stdout == ""
    assert list(home.folder.glob("**/glowplug*")) == []
    with pytest.raises(ConnectionRefusedError):
        home.get("/v1/models")


@pytest.mark.needs(*systemd_user.PROGRAMS)
def test_a_wrong_configuration_is_tried_once_and_by_waiting_clients_until_the_port_is_closed(
    user_manager: UserManager, state_dir: Path
) -> None:
    home = Home(user_manager, state_dir)
    assert home.glowplug("systemd", "install").returncode == 0
    (home.home / ".config" / "glowplug" / "config.yaml").write_text("nonsense: 1\n")
    assert user_manager.systemctl("start", "glowplug.service").returncode == 1
    assert [user_manager.show("glowplug.service", name) for name in ("SubState", "ExecMainStatus", "NRestarts")] == [
        "failed", "78", "0",
    ]  # fmt: skip
    assert user_manager.show("glowplug.socket", "SubState") == "listening"
    with socket.create_connection(("127.0.0.1", home.port)):
        _until("it gives up", lambda: user_manager.show("glowplug.socket", "Result") == "service-start-limit-hit")
    assert user_manager.show("glowplug.service", "NRestarts") == "0"
    assert home.glowplug("systemd", "uninstall").returncode == 0
    user_manager.systemctl("reset-failed", "glowplug*")
