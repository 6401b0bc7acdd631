from __future__ import annotations

import re

from glowplug.domain.instance import FailureKind
from glowplug.engines.failures import DRIVER_LOST, LOG_TAIL, LONGEST_LINE, PORT_TAKEN, classify, pattern

TABLE = (pattern(FailureKind.BAD_MODEL, r"broken", "it is broken", "mend it"), PORT_TAKEN, DRIVER_LOST)


def test_the_first_row_wins_and_of_its_lines_the_last() -> None:
    failure = classify(TABLE, 1, ["one is broken", "address already in use", "two is broken", "end"], what="it")
    assert (failure.kind, failure.hint) == (FailureKind.BAD_MODEL, "mend it")
    assert failure.message == "it is broken: two is broken (exit code 1)"


def test_of_a_long_line_the_part_around_the_wording_is_shown() -> None:
    failure = classify(TABLE, None, ["a" * 5000 + " is broken here " + "b" * 5000], what="it")
    assert "is broken here" in failure.message and len(failure.message) < LONGEST_LINE + 100
    assert re.search(r"a{50} is broken", failure.message), "with what stands before it"


def test_only_the_last_lines_are_kept() -> None:
    lines = [str(number) for number in range(100)]
    assert classify(TABLE, 1, lines, what="it").log_tail == tuple(lines[-LOG_TAIL:])


def test_without_a_wording_it_is_a_crash() -> None:
    failure = classify(TABLE, -9, ["x"], what="the program")
    assert failure.kind is FailureKind.CRASH
    assert failure.message == "the program ended (signal 9 (SIGKILL))" and "dmesg" in failure.hint


def test_a_driver_that_is_gone_is_told_from_the_rest() -> None:
    for line in (
        "RuntimeError: No CUDA GPUs are available",
        "RuntimeError: CUDA unknown error - this may be due to an incorrectly set up environment",
        "RuntimeError: Found no NVIDIA driver on your system.",
    ):
        assert classify(TABLE, 1, [line], what="it").kind is FailureKind.DRIVER_LOST
