from __future__ import annotations

import httpx

from glowplug.domain.instance import State
from tests.control.conftest import Control


async def test_it_tells_what_is_known_and_starts_nothing(control: Control, admin: httpx.AsyncClient) -> None:
    told = (await admin.get("/health")).json()
    assert [one["model_id"] for one in told["healthy_endpoints"]] == ["local", "cloud"]
    (bad,) = told["unhealthy_endpoints"]
    assert (bad["model_id"], bad["error"]) == ("unset", "OPENAI_API_KEY is not set")
    assert (told["healthy_count"], told["unhealthy_count"]) == (2, 1)
    assert control.manager.state is State.STOPPED
    assert "secret" not in str(told)
    control.manager.state = State.FAILED
    one = (await admin.get("/health?model=local")).json()
    assert (one["healthy_count"], one["unhealthy_endpoints"][0]["error"]) == (0, "the flag is bad")
