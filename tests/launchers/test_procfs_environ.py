"""Marks of engines in the environments of processes."""

from __future__ import annotations

import subprocess
import sys

from glowplug.launchers import procfs


def test_a_mark_is_found_behind_a_long_environment_and_only_whole() -> None:
    env = {f"LONG{n}": "x" * 100_000 for n in range(3)} | {"MARK": "here"}
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # from here on it is the program and no copy of this one
        assert procfs.environ_has(process.pid, b"MARK=here")
        assert not procfs.environ_has(process.pid, b"MARK=her")
        assert not procfs.environ_has(process.pid, b"ARK=here")
        process.communicate(b"\n")
    assert not procfs.environ_has(process.pid, b"MARK=here")
