from __future__ import annotations

import os
import socket

from glowplug.launchers import procfs


def test_a_process_name_may_hold_anything() -> None:
    line = "42 (a) b (c)) S 1 42 40 0 -1 4194304 1 2 3 4 70 30 0 0 20 0 1 0 123456 1000 25 18446744073709551615"
    stat = procfs.parse_stat(line)
    assert (stat.pid, stat.state, stat.ppid, stat.group, stat.session) == (42, "S", 1, 42, 40)
    assert (stat.cpu, stat.start_time) == (100, 123456)
    assert stat.resident == 25 * os.sysconf("SC_PAGE_SIZE")
    assert not stat.dead and stat._replace(state="Z").dead


def test_this_process() -> None:
    me = procfs.read_stat(os.getpid())
    assert me is not None and me.ppid == os.getppid() and me.session == os.getsid(0)
    assert me.pid in {stat.pid for stat in procfs.processes()}
    assert procfs.io_bytes(me.pid) > 0
    assert procfs.read_stat(2**22 + 1) is None


def test_the_holder_of_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert f"(pid {os.getpid()})" in procfs.listener_of(port)
    assert procfs.listener_of(port) == ""
