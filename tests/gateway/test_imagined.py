"""A request that is only thought of (what comes of it: test_explaining.py)."""

from __future__ import annotations

import pytest

from glowplug.domain.route_plan import RouteQuestion
from glowplug.errors import NotFound, RequestError
from glowplug.gateway.imagined import imagine
from glowplug.gateway.kinds import PATHS
from glowplug.wire.openai import estimate_tokens
from tests.gateway.rig import Rig


def test_a_body_is_made_for_the_tokens_that_are_named(rig: Rig) -> None:
    for tokens in (100, 5000):
        call = imagine(rig.plane, RouteQuestion(model="both", key="user", input_tokens=tokens))
        assert estimate_tokens(len(call.body.data)) == tokens
        assert [target.name for target in call.targets] == ["cloud", "cloud2"]
    assert call.body.model == "both"


def test_a_whole_body_is_read_as_it_is(rig: Rig) -> None:
    call = imagine(rig.plane, RouteQuestion(model="both", key="user", body=b'{"model": "both", "stream": true}'))
    assert call.body.stream
    with pytest.raises(RequestError, match="cannot be used"):
        imagine(rig.plane, RouteQuestion(model="both", key="user", body=b"not json"))


@pytest.mark.parametrize("path", [path.decode() for path, kind in PATHS.items() if not kind.counts])
def test_every_path_is_known(rig: Rig, path: str) -> None:
    call = imagine(rig.plane, RouteQuestion(model="cloud", key="user", kind=path))
    assert call.kind is PATHS[path.encode()]


def test_who_is_not_there(rig: Rig) -> None:
    with pytest.raises(NotFound, match="clod") as raised:
        imagine(rig.plane, RouteQuestion(model="clod", key="user"))
    assert raised.value.hint == "did you mean cloud?"
    with pytest.raises(NotFound, match="key"):
        imagine(rig.plane, RouteQuestion(model="cloud", key="gone"))
