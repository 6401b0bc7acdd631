from __future__ import annotations

import os
import subprocess
import sys

import pytest

from glowplug.ledger.workers import is_gone, start_time, worker_name


def test_this_process_lives_under_its_name() -> None:
    name = worker_name(3)
    assert name.startswith(f"w3-{os.getpid()}-")
    assert not is_gone(name)


def test_a_reused_pid_is_another_worker() -> None:
    assert is_gone(f"w0-{os.getpid()}-{(start_time(os.getpid()) or 0) + 1}")


def test_a_dead_worker_is_gone_before_and_after_it_is_reaped() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = f"w0-{child.pid}-{start_time(child.pid)}"
        assert not is_gone(name)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(name), "a zombie writes nothing more"
    assert is_gone(name)


@pytest.mark.parametrize("name", ["", "w0", "w0-1", "someone", "w0-x-1", "w0-99999999-5"])
def test_other_names_belong_to_nobody_who_lives(name: str) -> None:
    assert is_gone(name)
