from __future__ import annotations

import os
from pathlib import Path

import pytest

from glowplug.launchers import cgroup
from glowplug.launchers.cgroup import Cgroup
from tests.support import systemd_user
from tests.support.systemd_user import UserManager

HYBRID = """\
30 23 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/uni\\040fied rw,nosuid shared:9 - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""


def test_the_unified_hierarchy_is_found_where_it_is_mounted() -> None:
    assert cgroup.parse_tree(HYBRID) == Path("/sys/fs/cgroup/uni fied")
    assert cgroup.parse_tree("30 23 0:26 / /sys ro - sysfs sysfs ro\n") is None


def test_the_path_of_a_process() -> None:
    assert cgroup.parse_path("9:name=systemd:/x\n0::/user.slice/a.service\n") == "/user.slice/a.service"
    assert cgroup.parse_path("9:name=systemd:/x\n") == ""
    assert cgroup.path_of(2**22 + 1) == ""


def test_the_root_and_nothing_are_nobodys_group() -> None:
    for path in ("", "/"):
        assert Cgroup(path).members() == [] and not Cgroup(path).kill()


def test_a_group_that_is_gone_is_empty_and_killed() -> None:
    gone = Cgroup("/glowplug-never-was")
    assert gone.members() == []
    assert gone.directory is None or gone.kill()


@pytest.mark.needs(*systemd_user.PROGRAMS)
def test_everybody_below_is_a_member(user_manager: UserManager) -> None:
    root = cgroup.tree()
    assert root is not None
    inside = [stat.pid for stat in Cgroup(str(user_manager.cgroup.relative_to(root))).members()]
    assert user_manager.pid in inside, "it is in init.scope, below"
    assert os.getpid() not in inside


def test_a_group_below_that_goes_while_it_is_looked_into_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "child").mkdir()
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    group = Cgroup("")
    group.directory = tmp_path
    scandir = os.scandir

    def vanishing(path: str | os.PathLike[str]) -> object:
        if Path(path).name == "child":
            raise FileNotFoundError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert [stat.pid for stat in group.members()] == [os.getpid()]
