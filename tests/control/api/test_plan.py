from __future__ import annotations

import httpx


async def test_the_plan_of_a_model_and_of_an_alias(admin: httpx.AsyncClient) -> None:
    plan = (await admin.get("/admin/plan/local")).json()
    assert (plan["model"], plan["verdict"], plan["why"]) == ("local", "fits", "local fits")
    assert [device["id"] for device in plan["devices"]] == ["gpu0", "gpu1", "host"]
    alias = (await admin.get("/admin/plan/chat-default")).json()
    assert (alias["alias"], alias["targets"]) == ("chat-default", ["local", "unset"])
    assert [one["model"] for one in alias["data"]] == ["local"]


async def test_mistakes(admin: httpx.AsyncClient) -> None:
    for name, status, says in (
        ("locl", 404, "did you mean local?"),
        ("org/name", 404, "org/name"),
        ("cloud", 409, "its provider runs it"),
        ("local?wait=1", 400, "wait"),
    ):
        answer = await admin.get(f"/admin/plan/{name}")
        assert (answer.status_code, says in answer.text) == (status, True), answer.text


async def test_whether_it_fits_with_other_options(admin: httpx.AsyncClient) -> None:
    found = (await admin.get("/admin/models/local/fit", params={"options": '{"ctx_size": 8192}'})).json()
    assert (found["plan"]["why"], found["command"]) == ("local fits", ["serve local"])
    assert found["choices"][0]["value"] == 8192
    for name, options, status in (
        ("locl", "", 404),
        ("cloud", "", 409),
        ("local", "[]", 400),
        ("local", '{"a": {}}', 400),
    ):
        answer = await admin.get(f"/admin/models/{name}/fit", params={"options": options})
        assert answer.status_code == status, answer.text
