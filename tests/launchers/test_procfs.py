from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from pathlib import Path

from glowplug.launchers import procfs
from tests.waiting import until


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


def test_command_lines_are_searched() -> None:
    with subprocess.Popen(["sleep", "600.25"]) as process:
        try:
            # A program that was just started has no command line for a moment.
            asyncio.run(until(lambda: procfs.command_has(process.pid, b"600.2")))
        finally:
            process.kill()
    assert not procfs.command_has(os.getpid(), b"\xff no such text")
    assert not procfs.command_has(2**22 + 1, b"")


def test_the_holder_of_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert f"(pid {os.getpid()})" in procfs.listener_of(port)
    assert procfs.listener_of(port) == ""


def test_a_process_is_known_by_its_start_and_its_command_line() -> None:
    me = procfs.read_stat(os.getpid())
    assert me is not None
    command = procfs.argv_hash(me.pid)
    assert len(command) == 16 and command == procfs.argv_hash(me.pid) != procfs.argv_hash(os.getppid())
    assert procfs.still_there(me.pid, me.start_time, command)
    assert procfs.still_there(me.pid, me.start_time, "")
    assert not procfs.still_there(me.pid, me.start_time + 1, command)
    assert not procfs.still_there(me.pid, me.start_time, "0" * 16)
    assert procfs.argv_hash(2**22 + 1) == ""


def test_only_the_process_that_was_seen_is_signalled() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        stat = procfs.read_stat(process.pid)
        assert stat is not None
        procfs.send([stat._replace(start_time=stat.start_time + 1)], 9)
        procfs.send([stat._replace(pid=2**22 + 1)], 9)
        assert process.poll() is None
        procfs.send([stat], 9)
        assert process.wait(20) == -9


def test_a_sample_adds_up(tmp_path: Path) -> None:
    me = procfs.read_stat(os.getpid())
    assert me is not None
    (tmp_path / "log").write_text("12345")
    assert procfs.sample([me, me], tmp_path / "log").cpu_ticks == 2 * me.cpu
    assert procfs.sample([], tmp_path / "log") == (0, 0, 5, 0)
    assert procfs.sample([me, me], tmp_path / "log").resident == 2 * me.resident > 0
    assert procfs.sample([], tmp_path / "none").log_bytes == 0
