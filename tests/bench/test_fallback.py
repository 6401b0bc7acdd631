"""What is added is formed inside a round, the targets are those that were meant, and one real round."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bench.fallback import BUDGET_MS, IN_FLIGHT, Caller, Round, config, figures, high, measure
from bench.installation import A
from bench.programs import BenchError, Pinning, Upstream

from glowplug.config.load import load
from glowplug.engines.catalogue import Catalogue

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None or shutil.which("make") is None,
    reason="no C compiler: the benchmark's programs are NOT tested (apt-get install gcc make)",
)


def test_the_configuration_has_a_target_of_its_own_for_every_round(tmp_path: Path) -> None:
    file = tmp_path / "glowplug.yaml"
    file.write_text(config(4001, 2, [5001, 5002, 5003]))
    loaded = load(file, env={}, engines=Catalogue())
    assert not loaded.warnings
    aliases = {name: alias.targets for name, alias in loaded.config.aliases.items()}
    assert aliases == {
        "killed": (A, "chat-cloud"), "down-0": ("chat-down-0", "chat-cloud"), "down-1": ("chat-down-1", "chat-cloud"),
        "open": ("chat-open", "chat-cloud"),
    }  # fmt: skip


def test_differences_are_formed_inside_a_round() -> None:
    rounds = [
        Round(
            direct=direct,
            through=through,
            refused=refused,
            open=opened,
            killed=killed,
            crowd=(1,),
            caught=(2,),
            dying=1,
        )
        for direct, through, refused, opened, killed in (
            (0.001, 0.002, 0.004, 0.002, 0.003),
            (0.101, 0.102, 0.103, 0.102, 0.109),
            (0.002, 0.003, 0.003, 0.003, 0.009),
        )
    ]
    named = {figure.name: figure for figure in figures(rounds)}
    refused = named["first target refuses: added"]
    assert (refused.value, refused.budget, refused.verdict) == (pytest.approx(2.0), BUDGET_MS, "kept")
    assert named["first target refuses: added, p95"].value == pytest.approx(3.0)
    assert named["local engine was killed: added"].verdict == "missed"
    assert named["through the gateway: added"].budget is None


def test_who_was_caught_is_compared_with_the_crowd_in_their_order() -> None:
    one = Round(
        direct=1.0, through=1.0, refused=1.0, open=1.0, killed=1.0,
        crowd=(0.001, 0.002), caught=(0.006, 0.010), dying=0.002,
    )  # fmt: skip
    named = {figure.name: figure for figure in figures([one])}
    since = f"engine killed under {IN_FLIGHT} requests, since its"
    assert named[f"{since} end: added"].value == pytest.approx(4.5), "3 and 6"
    assert named[f"{since} end: added, p95"].verdict == "missed"
    assert named[f"engine killed under {IN_FLIGHT} requests, since the signal: added"].value == pytest.approx(6.5)


def test_the_95th_of_a_hundred() -> None:
    assert high([float(n) for n in range(1, 101)]) == 95.0
    assert high([7.0]) == 7.0


@needs_compiler
def test_a_round_in_which_somebody_else_answered_is_none() -> None:
    from bench.programs import build

    build()
    upstream = Upstream(Pinning([0]), events=1, gap_us=1, model="m", first_us=0)
    try:
        caller = Caller(upstream.port, "sk-any")
        assert caller.first_byte("m") > 0
        with pytest.raises(BenchError, match="answered by None"):
            caller.first_byte("m", "chat-cloud", 2)
        caller.close()
    finally:
        upstream.close()


@needs_compiler
def test_a_real_round(tmp_path: Path) -> None:
    (only,) = measure(1, tmp_path)
    assert min(only.direct, only.through, only.refused, only.open, only.killed) > 0.001, "the upstream takes that long"
    assert len(only.crowd) == len(only.caught) == IN_FLIGHT
    assert min(only.caught) > only.dying > 0
