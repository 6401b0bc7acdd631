"""What the kernel is told, as it says it itself.  Each test is on a thread of its own."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from glowplug.threads import aside, be_prompt, step_aside

T = TypeVar("T")
_GET_ATTRIBUTES = {"x86_64": 315, "aarch64": 275, "riscv64": 275}


def on_a_thread(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


def policy_and_slice() -> tuple[int, int]:
    """Of the calling thread; a kernel that knows no slices says 0."""
    number = _GET_ATTRIBUTES.get(platform.machine())
    found = ctypes.create_string_buffer(48)
    if number is None or ctypes.CDLL(None).syscall(number, 0, found, 48, 0) != 0:
        return os.sched_getscheduler(0), 0
    return struct.unpack("=IIQiIQQQ", found.raw)[1::4]  # type: ignore[return-value]


def test_a_thread_gives_way_and_no_other_one_does() -> None:
    def work() -> tuple[bool, tuple[int, int], int]:
        before = policy_and_slice()[1]
        return step_aside(), policy_and_slice(), before

    stepped, (policy, slice_), before = on_a_thread(work)
    assert stepped
    assert policy == os.SCHED_BATCH
    assert slice_ == (100_000_000 if before else 0)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_it_is_as_before_when_the_work_is_done() -> None:
    def work() -> list[tuple[int, int]]:
        found = [policy_and_slice()]
        with pytest.raises(ZeroDivisionError), aside():
            with aside():
                pass
            found.append(policy_and_slice())
            raise ZeroDivisionError
        return [*found, policy_and_slice()]

    before, meanwhile, after = on_a_thread(work)
    assert meanwhile[0] == os.SCHED_BATCH, "one inside of another ends with the outer one"
    assert before == after
    assert before[0] == os.SCHED_OTHER


def test_its_share_stays() -> None:
    def work() -> tuple[int, int]:
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + 1)
        before = os.getpriority(os.PRIO_PROCESS, 0)
        with aside():
            return before, os.getpriority(os.PRIO_PROCESS, 0)

    before, meanwhile = on_a_thread(work)
    assert before == meanwhile


def test_a_policy_that_somebody_chose_stands() -> None:
    def work() -> tuple[bool, int]:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with aside():
            return step_aside(), os.sched_getscheduler(0)

    assert on_a_thread(work) == (False, os.SCHED_IDLE)


def test_where_it_is_not_allowed_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    done = []
    with aside():
        done.append(step_aside())
    assert done == [False]


def test_a_machine_whose_system_calls_we_do_not_know_has_the_policy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    assert on_a_thread(lambda: (step_aside(), os.sched_getscheduler(0))) == (True, os.SCHED_BATCH)


def test_a_system_without_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "SCHED_BATCH")
    assert not step_aside()


def test_who_serves_asks_for_short_turns() -> None:
    def work() -> tuple[bool, tuple[int, int], int]:
        before = policy_and_slice()[1]
        return be_prompt(), policy_and_slice(), before

    asked, (policy, slice_), before = on_a_thread(work)
    assert asked and policy == os.SCHED_OTHER
    assert slice_ == (100_000 if before else 0)


def test_who_was_given_another_policy_keeps_it() -> None:
    def work() -> tuple[bool, int]:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        return be_prompt(), os.sched_getscheduler(0)

    assert on_a_thread(work) == (False, os.SCHED_BATCH)
