from __future__ import annotations

from glowplug.domain.instance import Failure
from glowplug.lifecycle.events import Policy
from glowplug.lifecycle.load import Load, Removal, Verdict

POLICY = Policy("d", load_stall=60, load_ceiling=600)


def judge(
    load: Load, now: float, expected: float | None = None, cancelled_at: float = -1e9
) -> Failure | Verdict | None:
    return load.verdict(now, POLICY, expected, cancelled_at)


def test_stall_and_ceiling() -> None:
    load = Load(started=0.0, progress_at=50.0)
    assert load.deadline(POLICY) == 110.0
    assert judge(load, 109.9) is None
    stalled = judge(load, 110.0)
    assert isinstance(stalled, Failure) and "load_stall" in stalled.hint
    load.progress_at = 599.0
    late = judge(load, 600.0)
    assert isinstance(late, Failure) and "load_ceiling" in late.hint


def test_an_abandoned_load_is_kept_beyond_half_by_time_or_by_progress() -> None:
    load = Load(started=0.0, progress_at=20.0, abandoned_at=20.0)
    assert judge(load, 29.9, expected=100) is None
    assert judge(load, 30.0, expected=100) is Verdict.CANCEL
    assert judge(load, 30.0, expected=50) is Verdict.KEEP
    assert judge(load, 30.0) is Verdict.KEEP
    assert judge(load, 30.0, expected=100, cancelled_at=-500.0) is Verdict.KEEP
    load.fraction = 0.6
    assert judge(load, 30.0, expected=100) is Verdict.KEEP


def test_a_stranger_is_believed_only_when_it_stays() -> None:
    load = Load()
    assert load.stranger(10.0, "x") is None
    assert load.stranger(11.9, "x") is None
    assert load.stranger(12.0, "x") is not None


def test_what_survives_is_named() -> None:
    assert "1, 2" in Removal(left_over=(1, 2)).unkillable().message
    assert "leader" in Removal().unkillable().message
