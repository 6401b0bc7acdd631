"""The configuration is one Glowplug takes, and its processes are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.installation import A, B, Installation, control_pid, local_config
from bench.programs import BenchError

from glowplug.config.load import load
from glowplug.engines.catalogue import Catalogue


@pytest.mark.parametrize("residency", ["", "0s"])
def test_the_configuration_is_one(residency: str, tmp_path: Path) -> None:
    file = tmp_path / "glowplug.yaml"
    file.write_text(local_config([A, B], together=False, residency=residency))
    loaded = load(file, env={}, engines=Catalogue())
    assert not loaded.warnings
    assert [model.name for model in loaded.local_models] == [A, B]
    (group,) = loaded.groups
    assert (group.members, group.most) == ((A, B), 1)
    assert loaded.scheduling.min_residency == (0.0 if residency else 60.0)


def test_the_control_process_is_found_by_its_role() -> None:
    commands = {1: "python -S supervisor.py {control}", 2: "python -m glowplug.runtime worker {}",
                3: "python -m glowplug.runtime control {}"}  # fmt: skip
    assert control_pid(commands) == 3
    with pytest.raises(BenchError):
        control_pid({2: commands[2]})


def test_starts_are_counted_by_model(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        f"10:00 control: INFO {A}: starting\n10:00 control: INFO {A}: ready\n10:01 control: INFO {B}: starting\n"
    )
    there = Installation(tmp_path, None, 1, log=log)  # type: ignore[arg-type]  # it is not asked for its process
    assert (there.starts_of(A), there.starts_of(B)) == (1, 1)
