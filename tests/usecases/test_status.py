from __future__ import annotations

import os

import msgspec
import pytest

from glowplug import __version__
from glowplug.launchers.base import Choice
from glowplug.usecases.status import WorkerView, status

WORKER = WorkerView(worker="w0", pid=7, connected=False, since=3.0)


@pytest.mark.parametrize(("started", "uptime"), [(90.0, 10.0), (100.0, 0.0), (101.0, 0.0)])
def test_the_parts_are_put_together_and_time_never_runs_backwards(started: float, uptime: float) -> None:
    found = status(started_at=started, now=100.0, revision=9, config_path="/c.yaml", stale="line 3", workers=(WORKER,),
                   launchers=(Choice("process", True, True, "works everywhere"),))  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(found)) == {
        "version": __version__, "pid": os.getpid(), "started_at": started, "uptime": uptime, "revision": 9,
        "config_path": "/c.yaml", "stale": "line 3",
        "workers": [{"worker": "w0", "pid": 7, "connected": False, "since": 3.0}],
        "launchers": [{"name": "process", "usable": True, "chosen": True, "why": "works everywhere"}],
    }  # fmt: skip
