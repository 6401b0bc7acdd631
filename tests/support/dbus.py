"""A real dbus-daemon for a test, that only the test knows."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import system


@contextmanager
def bus(directory: Path) -> Iterator[str]:
    """The address of a bus that lets anybody own any name.  It ends with the test, or when the test is killed."""
    address = f"unix:path={directory}/test-bus"
    program = system.find("dbus-daemon")
    assert program is not None
    with subprocess.Popen(
        [program, "--session", "--nofork", "--nopidfile", f"--address={address}", "--print-address"],
        stdout=subprocess.PIPE, preexec_fn=_end_with_us,
    ) as daemon:  # fmt: skip
        assert daemon.stdout is not None
        try:
            assert daemon.stdout.readline().startswith(b"unix:")
            yield address
        finally:
            daemon.terminate()


def _end_with_us() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGTERM
