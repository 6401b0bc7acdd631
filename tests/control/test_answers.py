from __future__ import annotations

import json

import pytest

from glowplug import errors
from glowplug.control.answers import answer, error_answer
from glowplug.domain.instance import InstanceView, State
from glowplug.errors import GlowplugError
from glowplug.wire.openai import error_body


def test_an_answer_is_json_and_an_infinite_number_is_null() -> None:
    response = answer(InstanceView(model="é", engine="e", state=State.READY, keep_alive=float("inf")), 201)
    assert (response.status_code, response.headers["content-type"]) == (201, "application/json")
    assert json.loads(response.body)["keep_alive"] is None
    assert json.loads(response.body)["model"] == "é"


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (errors.RequestError("no"), 400, {}),
        (errors.Unauthenticated("who"), 401, {"www-authenticate": "Bearer"}),
        (errors.Forbidden("not you"), 403, {}),
        (errors.LimitReached("slow", retry_after=0.2), 429, {"retry-after": "1"}),
        (errors.Unavailable("later", retry_after=-1.0), 503, {"retry-after": "0"}),
        (errors.Loading("soon", loading={"state": "loading"}, retry_after=2.0), 503, {"retry-after": "2"}),
        (errors.EngineFailed("broken", reason="crash", log_tail=("x",)), 503, {}),
        (errors.ConfigError("wrong", (errors.Problem("a", "b", line=3),)), 422, {}),
        (errors.StoreError("full"), 503, {}),
    ],
)
def test_an_error_is_the_same_on_both_planes(error: GlowplugError, status: int, headers: dict[str, str]) -> None:
    response = error_answer(error, "req_1")
    assert response.status_code == status
    assert response.body == error_body(error, "req_1")
    extra = {k: v for k, v in response.headers.items() if k in ("retry-after", "www-authenticate")}
    assert extra == headers
