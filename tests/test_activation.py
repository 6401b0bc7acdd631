"""Sockets of a service manager: taken when they are ours and can be served, else refused with a reason."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from glowplug.activation import handed_over
from glowplug.errors import ConfigError


def told(count: int = 1, pid: int = 7) -> dict[str, str]:
    return {"LISTEN_FDS": str(count), "LISTEN_PID": str(pid), "LISTEN_FDNAMES": "glowplug.socket", "HOME": "/h"}


def test_a_socket_for_us_is_taken_and_no_child_hears_of_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        environment = told()
        with handed_over(environment, 7, os.dup(opened.fileno())) or pytest.fail("none") as taken:
            assert taken.getsockname() == opened.getsockname()
            assert not taken.get_inheritable()
    assert environment == {"HOME": "/h"}


def test_one_for_another_process_is_none() -> None:
    environment = told(pid=8)
    assert handed_over(environment, 7) is None
    assert environment == {"HOME": "/h"}
    assert handed_over({}, 7) is None
    assert handed_over(told(count=0), 7) is None


def test_what_cannot_be_served_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="2 sockets"):
        handed_over(told(count=2), 7)
    with (tmp_path / "file").open("wb") as file, pytest.raises(ConfigError, match="cannot be used"):
        handed_over(told(), 7, file.fileno())
    with socket.socket() as silent, pytest.raises(ConfigError, match="does not listen"):
        handed_over(told(), 7, silent.fileno())
    with socket.socket(socket.AF_UNIX) as local, pytest.raises(ConfigError, match="TCP"):
        handed_over(told(), 7, local.fileno())
