"""Texts of units: accepted by systemd's own checker, told from edited ones, safe with odd paths."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from glowplug import supervisor
from glowplug.errors import RequestError
from glowplug.systemd import units as module
from glowplug.systemd.units import Setup, enabled, listen_stream, ours, sealed, unit_names, units, written_for

SETUP = Setup(
    command=(sys.executable, "-m", "glowplug"),
    state="/srv/me/state",
    listen="127.0.0.1:4000",
    backups="/srv/me/backups",
    environment="/srv/me/environment",
    path="/usr/local/bin:/usr/bin",
    config="/srv/me/config.yaml",
)
ODD = replace(SETUP, state='/srv/a b/50%/$HOME"q', backups="/b\\x c;", environment="/e 50%/env", path="/p q:/50%")
KINDS = {
    "user": SETUP,
    "odd": ODD,
    "system": replace(SETUP, system=True, account="daemon"),
    "containers": replace(SETUP, containers=True, config="", name="other", listen="[::1]:4000"),
}


@pytest.mark.needs("systemd")
@pytest.mark.parametrize("kind", KINDS)
def test_systemds_own_checker_finds_nothing(kind: str, tmp_path: Path) -> None:
    setup = KINDS[kind]
    files = []
    for name, text in units(setup).items():
        files.append(tmp_path / name)
        files[-1].write_text(text)
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    done = subprocess.run(
        ["systemd-analyze", "verify", *([] if setup.system else ["--user"]), "--man=no", *files],
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(runtime), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or setup.name in line]
    assert (done.returncode, said) == (0, [])


def test_the_names_and_what_is_enabled() -> None:
    assert tuple(units(SETUP)) == unit_names("glowplug")
    assert set(enabled("glowplug")) == {"glowplug.socket", "glowplug-backup.timer"}, "nothing that loads a model"
    assert module._FATAL_EXIT == supervisor.FATAL_EXIT


def test_an_edit_is_known() -> None:
    for text in units(SETUP).values():
        assert ours(text)
        assert not ours(text + "# mine\n")
        assert not ours(text.partition("\n")[2])
    assert ours(sealed(""))


def test_a_service_says_what_it_was_written_for() -> None:
    for setup in KINDS.values():
        assert written_for(units(setup)[f"{setup.name}.service"]) == setup
    assert written_for("[Service]\nChoices={}\n") is None
    assert written_for("Choices=nonsense\n") is None
    assert written_for("") is None


def test_odd_words_are_quoted() -> None:
    text = units(ODD)["glowplug.service"]
    assert '"/srv/a b/50%%/$$HOME\\"q"' in text
    assert 'Environment="PATH=/p q:/50%%"' in text
    assert "EnvironmentFile=-/e 50%%/env\n" in text
    with pytest.raises(RequestError, match="unit file"):
        units(replace(SETUP, state="/a\nExecStartPre=/bin/evil"))


def test_hardening_leaves_what_engines_need() -> None:
    user, system, containers = (units(KINDS[kind]) for kind in ("user", "system", "containers"))
    assert "NoNewPrivileges=yes" in user["glowplug.service"]
    assert "NoNewPrivileges" not in containers["other.service"], "rootless containers are started by setuid programs"
    assert "ProtectSystem=full" in system["glowplug.service"] and "ProtectSystem" not in user["glowplug.service"]
    for texts in (user, system, containers):
        for text in texts.values():
            for harm in ("PrivateDevices", "DeviceAllow", "ProtectClock", "MemoryDeny", "ProtectHome", "PrivateTmp"):
                assert harm not in text


@pytest.mark.parametrize(("host", "expected"), [
    ("127.0.0.1", "127.0.0.1:4000"), ("localhost", "127.0.0.1:4000"), ("::1", "[::1]:4000"), ("[::]", "[::]:4000"),
])  # fmt: skip
def test_listen_stream(host: str, expected: str) -> None:
    assert listen_stream(host, 4000) == expected


def test_what_no_socket_unit_can_say() -> None:
    with pytest.raises(RequestError, match="addresses, no names"):
        listen_stream("gpu.invalid", 4000)
    with pytest.raises(RequestError, match="port 0"):
        listen_stream("127.0.0.1", 0)
