"""Which checks run, by name, group and patience; and those of other packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from glowplug.doctor import registry
from glowplug.doctor.base import Check
from glowplug.doctor.registry import Broken, all_checks, chosen
from glowplug.domain.finding import Group
from glowplug.errors import NotFound


def check(of: str, kind: Group, *, slowly: bool = False) -> Check[Any]:
    class One(Check[Any]):
        name, title, group, slow = of, "All is well", kind, slowly

    return One()


CHECKS = [
    check("machine-a", Group.MACHINE), check("machine-b", Group.MACHINE, slowly=True), check("models-c", Group.MODELS)
]  # fmt: skip


@pytest.mark.parametrize(("names", "slow", "wanted"), [
    ((), False, ["machine-a", "models-c"]),
    ((), True, ["machine-a", "machine-b", "models-c"]),
    (("machine",), False, ["machine-a"]),
    (("machine",), True, ["machine-a", "machine-b"]),
    (("machine-b",), False, ["machine-b"]),
    (("models-c", "machine-a", "models-c"), False, ["machine-a", "models-c"]),
])  # fmt: skip
def test_chosen(names: tuple[str, ...], slow: bool, wanted: list[str]) -> None:
    assert [one.name for one in chosen(CHECKS, names, slow=slow)] == wanted


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(NotFound, match="no check 'machin'"):
        chosen(CHECKS, ["machin"], slow=False)


class Theirs(Check[Any]):
    name, title, group = "machine-theirs", "Their thing is well", Group.MACHINE


class NoCheck:
    pass


def points(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    made = [EntryPoint(name=f"p{n}", value=value, group="glowplug.doctor") for n, value in enumerate(values)]
    monkeypatch.setattr(registry, "entry_points", lambda group: made if group == "glowplug.doctor" else [])


def test_other_packages_add_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    points(monkeypatch, f"{__name__}:Theirs")
    assert all_checks()[-1].name == "machine-theirs"
    assert len(all_checks()) == len(registry.ROWS) + 1


@pytest.mark.parametrize("value", ["nowhere:X", f"{__name__}:Missing", f"{__name__}:NoCheck", f"{__name__}:check"])
def test_one_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    points(monkeypatch, value)
    with pytest.raises(Broken, match=value.partition(":")[2]):
        all_checks()
