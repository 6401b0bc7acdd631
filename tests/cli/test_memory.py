from __future__ import annotations

import msgspec
import pytest

from glowplug.cli.memory import by_device, cells, holders
from glowplug.domain.plan import DeviceView
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("memory")


def test_what_is_unknown_is_empty_and_what_is_nothing_is_0() -> None:
    row = msgspec.json.decode(msgspec.json.encode(DeviceView(id="gpu0")))
    assert cells(row) == ["gpu0", "", "", "0 B", "0 B", "", "0 B", ""]
    full = DeviceView(id="gpu0", name="n", total=8, others=3, ours={"a": 1, "b": 1}, leases={"l": 2}, reserve=1, free=0)
    row = msgspec.json.decode(msgspec.json.encode(full))
    assert cells(row) == ["gpu0", "n", "8 B", "2 B", "2 B", "3 B", "1 B", "0 B"]
    assert holders([row]) == [
        ["gpu0", "model", "a", "1 B"], ["gpu0", "model", "b", "1 B"], ["gpu0", "lease", "l", "2 B"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (None, ""),
        ({}, ""),
        ({"gpu0": 0}, ""),
        ({"gpu0": 1 << 30}, "1 GiB of gpu0"),
        ({"gpu0": 1, "gpu1": 2, "host": 3}, "1 B of gpu0, 2 B of gpu1 and 3 B of host"),
    ],
)
def test_a_claim_in_words(claim: dict[str, int] | None, words: str) -> None:
    assert by_device(claim) == words


def test_json_is_the_answer_as_it_is(glowplug: Glowplug, server: FakeServer) -> None:
    assert glowplug("memory", "--json").document == {
        "data": server.devices, "problems": ["the driver of gpu1 is lost"],
    }  # fmt: skip


def test_many_others_are_counted(glowplug: Glowplug, server: FakeServer) -> None:
    server.devices[0]["other_names"] = [f"p{number}" for number in range(7)]
    assert "gpu0: others are p0, p1, p2, p3, p4 and 2 more" in glowplug("memory").err
    server.devices = []
    said = glowplug("memory")
    assert (said.out, said.err.splitlines()[0]) == ("", "no device can be read")
