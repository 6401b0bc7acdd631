"""Which parts are measured, and that they come out in one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.figures import Figure
from bench.run import main
from click.testing import CliRunner

from bench import jit, run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, jit.Effort, Path | None]]:
    """The parts, each replaced by one figure; what they were asked for."""
    calls: list[tuple[str, jit.Effort, Path | None]] = []

    def part(name: str) -> jit.Part:
        def measure(effort: jit.Effort, work: Path, llama_swap: Path | None) -> list[Figure]:
            assert work.is_dir()
            calls.append((name, effort, llama_swap))
            return [Figure(part=name, name=f"figure of {name}", value=1.0)]

        return measure

    monkeypatch.setattr(jit, "PARTS", {name: part(name) for name in jit.PARTS})
    monkeypatch.setattr(run, "_measure_all", lambda *_: pytest.fail("the gateways were not asked for"))
    return calls


def test_parts_are_chosen_by_name_and_come_in_one_table(
    asked: list[tuple[str, jit.Effort, Path | None]], tmp_path: Path
) -> None:
    out, program = tmp_path / "out.json", tmp_path / "llama-swap"
    program.touch()
    arguments = ["--part", "swap", "--part", "cold", "--json", str(out), "--llama-swap", str(program)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert asked == [("cold", jit.FULL, program), ("swap", jit.FULL, program)]
    assert "figure of cold" in result.output
    assert result.output.count("part") == 1
    assert "cores, load average" in result.output
    assert [figure["name"] for figure in json.loads(out.read_text())["jit"]] == ["figure of cold", "figure of swap"]


def test_quick_is_less(asked: list[tuple[str, jit.Effort, Path | None]]) -> None:
    assert CliRunner().invoke(main, ["--quick", "--part", "rest"]).exit_code == 0
    assert asked == [("rest", jit.QUICK, None)]


@pytest.mark.parametrize(
    ("part", "narrowed", "wanted"),
    [
        ((), False, ["requests", "cold", "swap", "burst", "scheduler", "fallback", "rest"]),
        ((), True, ["requests"]),
        (("rest", "requests"), True, ["requests", "rest"]),
    ],
)
def test_without_a_choice_there_is_everything(part: tuple[str, ...], narrowed: bool, wanted: list[str]) -> None:
    assert run._parts(part, narrowed) == wanted


def test_a_part_nobody_knows_is_refused() -> None:
    assert CliRunner().invoke(main, ["--part", "warm"]).exit_code == 2


def test_a_llama_swap_that_is_not_there_is_refused() -> None:
    result = CliRunner().invoke(main, ["--part", "cold", "--llama-swap", "/no/such/program"])
    assert result.exit_code == 2
    assert "does not exist" in result.output
