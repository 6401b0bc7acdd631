"""A whole control process whose machine goes to sleep: logind waits for its engines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from glowplug.testing.fake_logind import FakeLogind
from tests.control.test_process import started
from tests.support.dbus import bus
from tests.support.gguf_files import write
from tests.waiting import until

SOURCE = str(Path(__file__).parents[2] / "src")

pytestmark = pytest.mark.needs("dbus-daemon")


async def test_engines_are_stopped_before_the_machine_sleeps_and_start_again_after(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(state_dir / "m.gguf", {"general.architecture": "llama"})
    config = f"""
models:
  local:
    engine: llamacpp
    path: {state_dir}/m.gguf
    command: [{sys.executable}, -m, glowplug.testing.fake_engine]
    env: {{PYTHONPATH: {SOURCE}}}
"""
    with bus(state_dir) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        async with FakeLogind(address, delay=20.0) as logind, started(state_dir, config) as control:
            await logind.until_locks(1)
            async with control.client() as admin:

                async def state() -> str:
                    return str((await admin.get("/admin/instances")).json()["data"][0]["state"])

                assert (await admin.post("/admin/models/local/start?wait=20")).json()["state"] == "ready"
                assert not (await logind.sleep()).waited_in_vain
                assert await state() == "stopped"
                logind.wake()
                await logind.until_locks(1)
                assert (await admin.post("/admin/models/local/start?wait=20")).json()["state"] == "ready"
            await until(lambda: len(logind.locks) == 1)
