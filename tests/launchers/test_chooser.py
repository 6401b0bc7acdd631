from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glowplug.launchers.base import LaunchError, LaunchSpec, OnExit, Running
from glowplug.launchers.chooser import Launchers, standard
from tests.lifecycle.fakes import FakeProcess


@dataclass
class Scripted:
    """A launcher that works or not, and writes down what it was asked."""

    name: str
    why: str = ""
    error: LaunchError | None = None
    tried: int = 0
    asked: list[str] = field(default_factory=list)

    def works(self) -> str:
        self.tried += 1
        return self.why

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return {"OF": self.name, **extra}

    def launch(self, spec: LaunchSpec, on_exit: OnExit) -> Running:
        self.asked.append("launch")
        if self.error is not None:
            raise self.error
        return FakeProcess(spec, 7, on_exit)

    def adopt(
        self,
        instance: str,
        pid: int,
        start_time: int,
        log: Path,
        on_exit: OnExit,
        launcher: str = "process",
        argv_hash: str = "",
    ) -> Running | None:
        self.asked.append(f"adopt {argv_hash}")
        return None

    def sweep(self, keep: frozenset[str]) -> tuple[int, ...]:
        self.asked.append("sweep")
        return (1, 2) if self.name == "systemd" else (2, 3)


class Rig:
    def __init__(self) -> None:
        self.now = 0.0
        self.process, self.systemd = Scripted("process"), Scripted("systemd")
        self.container = Scripted("container", why="no daemon")
        self.all = Launchers(self.process, self.systemd, self.container, lambda: self.now)

    def launched(self, launcher: str = "auto", **more: str) -> str:
        """Which launcher was asked to launch."""
        for one in (self.process, self.systemd, self.container):
            one.asked.clear()
        self.all.launch(LaunchSpec("i", ("x",), {}, Path("log"), launcher=launcher, **more), print)  # type: ignore[arg-type]
        return next(one.name for one in (self.process, self.systemd, self.container) if one.asked)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_nothing_is_tried_before_it_is_needed(rig: Rig) -> None:
    assert rig.all.environment({"A": "1"}) == {"OF": "process", "A": "1"}
    assert rig.launched("process") == "process"
    assert rig.systemd.tried == rig.container.tried == 0


def test_auto_is_systemd_where_it_works_and_process_elsewhere(rig: Rig) -> None:
    assert rig.launched() == "systemd"
    rig.systemd.why = "gone"
    assert rig.launched() == "systemd" and rig.systemd.tried == 1, "what works is not tried again"
    other = Rig()
    other.systemd.why = "no bus"
    assert other.launched() == "process"


def test_what_did_not_work_is_tried_again_after_a_minute(rig: Rig) -> None:
    rig.systemd.why = "nobody is logged in"
    rig.launched()
    rig.systemd.why = ""
    rig.now = 59.0
    assert rig.launched() == "process" and rig.systemd.tried == 1
    rig.now = 61.0
    assert rig.launched() == "systemd"


def test_a_unit_and_an_image_say_their_launcher(rig: Rig) -> None:
    assert rig.launched(unit="ollama.service") == "systemd"
    rig.container.why = ""
    assert rig.launched(image="vllm") == "container"


@pytest.mark.parametrize(("name", "hint"), [("container", "podman or docker"), ("systemd", "enable-linger")])
def test_a_launcher_that_was_asked_for_and_does_not_work_is_an_error(rig: Rig, name: str, hint: str) -> None:
    rig.systemd.why = rig.container.why = "it is broken"
    with pytest.raises(LaunchError, match=f"{name} cannot be used: it is broken; .*{hint}"):
        rig.launched(name)
    assert rig.process.asked == []


def test_an_unknown_launcher_is_an_error(rig: Rig) -> None:
    with pytest.raises(LaunchError, match="no launcher 'ray'; there are systemd, process and container"):
        rig.launched("ray")


def test_a_manager_that_went_away_is_replaced_only_for_auto(rig: Rig) -> None:
    rig.launched()
    rig.systemd.error, rig.systemd.why = LaunchError("no answer", missing=False), "no answer"
    rig.all.launch(LaunchSpec("i", ("x",), {}, Path("log")), print)
    assert rig.process.asked == ["launch"]


@pytest.mark.parametrize("missing", [True, False])
def test_an_engine_that_cannot_be_started_is_not_tried_twice(rig: Rig, missing: bool) -> None:
    rig.launched()
    rig.systemd.error = LaunchError("no such program", missing=missing)
    with pytest.raises(LaunchError, match="no such program"):
        rig.launched()
    assert rig.process.asked == []


def test_adoption_asks_the_launcher_of_then(rig: Rig) -> None:
    def adopt(launcher: str) -> None:
        rig.all.adopt("i", 1, 2, Path("log"), print, launcher, "h4sh")

    adopt("systemd")
    assert rig.systemd.asked == ["adopt h4sh"]
    adopt("process")
    assert rig.process.asked == ["adopt h4sh"]
    adopt("container")
    assert rig.container.asked == [], "it does not work: nothing of it can be owned"


def test_what_ran_under_a_manager_that_is_gone_is_adopted_as_a_process(rig: Rig) -> None:
    rig.systemd.why = "no bus"
    rig.all.adopt("i", 1, 2, Path("log"), print, "systemd", "h4sh")
    assert rig.process.asked == ["adopt h4sh"] and rig.systemd.asked == []


def test_sweep_asks_everybody_who_works_and_counts_each_process_once(rig: Rig) -> None:
    assert rig.all.sweep(frozenset()) == (1, 2, 3)
    assert rig.container.asked == []


def test_each_launcher_is_described_with_the_reason(rig: Rig) -> None:
    rows = {row.name: row for row in rig.all.describe()}
    assert rows["systemd"].usable and rows["systemd"].chosen and rows["systemd"].why
    assert rows["process"].usable and not rows["process"].chosen
    assert (rows["container"].usable, rows["container"].why) == (False, "no daemon")
    rig = Rig()
    rig.systemd.why = "no bus"
    rows = {row.name: row for row in rig.all.describe()}
    assert rows["process"].chosen and not rows["systemd"].chosen and rows["systemd"].why == "no bus"


def test_whoever_asks_how_things_stand_does_not_wait_for_another_try(rig: Rig) -> None:
    assert not rig.all.describe()[2].usable
    tries = rig.container.tried
    rig.now += 1000
    assert rig.all.describe()[2].why == "no daemon"
    assert rig.container.tried == tries


def test_the_standard_ones_try_nothing_when_they_are_made(tmp_path: Path) -> None:
    launchers = standard(tmp_path, tmp_path / "lock")
    assert list(launchers._tried) == ["systemd", "container"]
    assert launchers.environment({"A": "1"})["A"] == "1"
    assert launchers._found == {}
