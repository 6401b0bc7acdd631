"""A real dbus-daemon for a test, that only the test knows."""

from __future__ import annotations

import ctypes
import socket
import subprocess
import threading
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


@contextmanager
def impostor(path: Path, reply: bytes) -> Iterator[str]:
    """Something that listens like a bus, says one thing and then nothing."""

    def serve() -> None:
        peer, _ = server.accept()
        with peer:
            while data := peer.recv(4096):
                if b"AUTH" in data:
                    peer.sendall(reply)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"unix:path={path}"
        thread.join(20)
        assert not thread.is_alive()


def _end_with_us() -> None:
    ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGTERM
