"""At rest: the configuration is one, what must be nothing has a budget of nothing, and a short real watch."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bench.rest import Rest, config, figures, measure
from bench.startup import ProcessCost

from glowplug.config.load import load
from glowplug.engines.catalogue import Catalogue


def test_the_configuration_is_one(tmp_path: Path) -> None:
    file = tmp_path / "glowplug.yaml"
    file.write_text(config())
    assert not load(file, env={}, engines=Catalogue()).warnings


def rest(**changes: int) -> Rest:
    cost = ProcessCost(command="x", rss_mib=60.0, pss_mib=40.0, wakeups_per_second=2.0, cpu_ms_per_second=0.5)
    values = {"loaded_bytes": 2 << 30, "held_bytes": 0, "holders_loaded": 1, "holders": 0} | changes
    return Rest(seconds=60.0, costs={"control": cost, "worker": cost}, **values)


def test_nothing_is_nothing() -> None:
    named = {figure.name: figure for figure in figures(rest())}
    assert named["control: CPU in 60 s"].value == pytest.approx(0.03)
    assert named["all: PSS"].value == pytest.approx(80.0)
    assert {f.verdict for f in named.values() if f.budget is not None} == {"kept"}
    named = {figure.name: figure for figure in figures(rest(held_bytes=1, holders=1))}
    assert named["device memory at rest"].verdict == named["processes with the driver open at rest"].verdict == "missed"


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the rest is NOT tested (apt-get install gcc)")
def test_a_loaded_model_holds_memory_and_the_driver_and_one_that_left_no_memory(tmp_path: Path) -> None:
    got = measure(tmp_path, 0.0, 0.2)
    assert got.loaded_bytes == 2 << 30
    assert got.holders_loaded == 1
    assert got.held_bytes == 0
    assert set(got.costs) == {"control", "worker", "supervisor"}
    assert all(cost.pss_mib > 1 for cost in got.costs.values())
