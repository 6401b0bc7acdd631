"""`/model/new`, `/model/update`, `/model/delete` over a real file and a real layer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.control.litellm.conftest import FILE, Served

NEW: dict[str, Any] = {
    "model_name": "gpt",
    "litellm_params": {
        "model": "openai/gpt-5-mini", "api_key": "sk-v3ry-secret", "api_base": "http://127.0.0.1:9/v1", "rpm": 60,
        "tpm": 0, "temperature": 0, "drop_params": True, "use_in_pass_through": False, "api_version": None,
    },
    "model_info": {"mode": "chat", "base_model": "", "team_id": None, "supports_vision": True},
}  # fmt: skip


async def make(root: httpx.AsyncClient, name: str = "gpt", id: str = "", **params: Any) -> str:
    """The id of a new deployment."""
    info = {"id": id} if id else {}
    given = {**NEW["litellm_params"], **params}
    answer = await root.post("/model/new", json={"model_name": name, "litellm_params": given, "model_info": info})
    assert answer.status_code == 200, answer.text
    assert "v3ry" not in answer.text
    made: str = answer.json()["model_id"]
    return made


async def row(root: httpx.AsyncClient, id: str) -> dict[str, Any]:
    answer = await root.get(f"/model/info?litellm_model_id={id}")
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["data"]
    return dict(found)


async def test_a_new_model_is_served_shown_and_taken_away(served: Served, root: httpx.AsyncClient) -> None:
    answer = await root.post("/model/new", json=NEW)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    id = made["model_id"]
    assert (made["model_name"], made["model_info"]["id"], made["model_info"]["db_model"]) == ("gpt", id, True)
    assert made["litellm_params"]["model"] == "openai/gpt-5-mini"
    assert any("drop_params" in note for note in made["notes"])
    every = await root.get("/model/info")
    assert "v3ry" not in answer.text + every.text + served.text()
    shown = {row["model_info"]["id"]: row for row in every.json()["data"]}
    assert list(shown) == ["own", "plain", "theirs/own", id]
    assert [one["model_info"]["db_model"] for one in shown.values()] == [False, False, False, True]
    route = served.model(shown[id]["model_info"]["key"])
    assert (route.upstream_model, route.api_key, route.rpm, route.tpm, route.request_defaults) == (
        "gpt-5-mini", "sk-v3ry-secret", 60, None, {"temperature": 0},
    )  # fmt: skip
    assert (await root.get(f"/health?model={id}")).json()["healthy_endpoints"][0]["model_id"] == id
    gone = await root.post("/model/delete", json={"id": id})
    assert gone.status_code == 200, gone.text
    assert (await root.post("/model/delete", json={"id": id})).status_code == 404
    assert [row["model_info"]["id"] for row in (await root.get("/model/info")).json()["data"]] == list(shown)[:3]
    assert not served.credentials.names(), "its key is forgotten"
    assert "gpt" not in served.text()


async def test_a_name_has_several_deployments(served: Served, root: httpx.AsyncClient) -> None:
    first, second = await make(root), await make(root, api_key="sk-v3ry-other", weight=3)
    alias = served.alias("gpt")
    assert alias is not None and (len(alias.targets), alias.policy, alias.weights) == (2, "weight", (1, 3))
    keys = {served.model(name).api_key for name in alias.targets}
    assert keys == {"sk-v3ry-secret", "sk-v3ry-other"}
    assert [one["model_info"]["id"] for one in (await root.get("/model/info")).json()["data"]][-2:] == [first, second]
    assert (await root.post("/model/delete", json={"id": second})).status_code == 200
    alias = served.alias("gpt")
    assert alias is not None and len(alias.targets) == 1 and served.model(alias.targets[0]).api_key == "sk-v3ry-secret"
    assert (await root.post("/model/delete", json={"id": "gpt"})).status_code == 200, "by its name, which is one's"
    assert served.alias("gpt") is None


async def test_a_change_leaves_what_it_does_not_name(served: Served, root: httpx.AsyncClient) -> None:
    id = await make(root, id="mine")
    change = {"model_info": {"id": id}, "litellm_params": {"rpm": 5, "api_base": None, "timeout": 30}}
    answer = await root.post("/model/update", json=change)
    assert answer.status_code == 200, answer.text
    assert "v3ry" not in answer.text
    key = answer.json()["model_info"]["key"]
    route = served.model(key)
    assert (route.rpm, route.first_byte_timeout, route.api_key) == (5, 30, "sk-v3ry-secret")
    assert route.base_url == "http://127.0.0.1:9/v1" and route.request_defaults == {"temperature": 0}
    patch = {"litellm_params": {"rpm": None, "api_key": "sk-v3ry-new"}}
    assert (await root.patch(f"/model/{id}/update", json=patch)).status_code == 200
    assert (served.model(key).rpm, served.model(key).api_key) == (None, "sk-v3ry-new")
    renamed = await root.patch(f"/model/{id}/update", json={"model_name": "better"})
    assert renamed.json()["model_name"] == "better", renamed.text
    assert served.alias("gpt") is None and (await row(root, id))["model_name"] == "better"
    assert "v3ry" not in served.text()


async def test_a_stored_key_goes_to_no_other_address(served: Served, root: httpx.AsyncClient) -> None:
    id, before = await make(root), served.text()
    params = {"api_base": "http://127.0.0.1:10/v1"}
    refused = await root.post("/model/update", json={"model_info": {"id": id}, "litellm_params": params})
    assert refused.status_code == 400 and "litellm_params.api_key" in refused.text
    assert served.text() == before
    with_key = {**params, "api_key": "sk-v3ry-else"}
    changed = await root.post("/model/update", json={"model_info": {"id": id}, "litellm_params": with_key})
    assert changed.status_code == 200 and served.text() != before


async def test_a_stored_credential_is_named(served: Served, root: httpx.AsyncClient) -> None:
    values = {"api_key": "sk-v3ry-shared", "api_base": "http://127.0.0.1:9/v1"}
    stored = await root.post("/credentials", json={"credential_name": "open", "credential_values": values})
    assert stored.status_code == 200, stored.text
    params = {"model": "openai/x", "litellm_credential_name": "open"}
    made = await root.post("/model/new", json={"model_name": "shared", "litellm_params": params})
    assert made.status_code == 200, made.text
    assert "v3ry" not in made.text + served.text() and "secret:open" in served.text()
    assert served.model(made.json()["model_info"]["key"]).api_key == "sk-v3ry-shared"
    assert (await root.post("/model/delete", json={"id": made.json()["model_id"]})).status_code == 200
    assert served.credentials.names() >= {"open"}


async def test_a_key_that_a_credential_takes_the_place_of_is_forgotten(served: Served, root: httpx.AsyncClient) -> None:
    values = {"api_key": "sk-v3ry-shared"}
    assert (await root.post("/credentials", json={"credential_name": "open", "credential_values": values})).is_success
    id = await make(root)
    assert len(served.credentials.names()) == 2
    change = {"litellm_params": {"litellm_credential_name": "open"}}
    changed = await root.patch(f"/model/{id}/update", json=change)
    assert changed.status_code == 200, changed.text
    assert served.model(changed.json()["model_info"]["key"]).api_key == "sk-v3ry-shared"
    assert served.credentials.names() == {"open"}


async def test_a_provider_that_others_have_stays_as_it_is(served: Served, root: httpx.AsyncClient) -> None:
    id = await make(root)
    (owner,) = [
        row["name"] for row in (await root.get("/admin/providers")).json()["data"] if row["source"] == "managed"
    ]
    assert (await root.post("/admin/models", json={"name": "ours", "provider": owner, "id": "u"})).status_code == 201
    change = {"litellm_params": {"api_key": "sk-v3ry-new"}}
    changed = await root.patch(f"/model/{id}/update", json=change)
    assert changed.status_code == 200, changed.text
    assert served.model(changed.json()["model_info"]["key"]).api_key == "sk-v3ry-new"
    assert served.model("ours").api_key == "sk-v3ry-secret"
    assert (await root.post("/model/delete", json={"id": id})).status_code == 200
    assert served.model("ours").api_key == "sk-v3ry-secret"


async def test_a_name_that_stands_for_many(served: Served, root: httpx.AsyncClient) -> None:
    id = await make(root, "lab/*", model="openai/*")
    assert served.model("lab/*").upstream_model.endswith("*")
    again = {"model_name": "lab/*", "litellm_params": {"model": "openai/*", "api_base": "http://127.0.0.1:9/v1"}}
    assert (await root.post("/model/new", json=again)).status_code == 409
    assert (await root.post("/model/delete", json={"id": id})).status_code == 200


@pytest.mark.parametrize(
    ("name", "params", "info", "field"),
    [
        ("", {"model": "openai/x"}, {}, "model_name"),
        ("a b", {"model": "openai/x"}, {}, "model_name"),
        ("x", {}, {}, "litellm_params.model"),
        ("x", {"model": 3}, {}, "litellm_params.model"),
        ("x", {"model": "vertex_ai/gemini"}, {}, "litellm_params"),
        ("x", {"model": "nobody/x"}, {}, "litellm_params"),
        ("x", {"model": "*"}, {}, "*"),
        ("x", {"model": "openai/x", "api_base": "ftp://x"}, {}, "api_base"),
        ("x", {"model": "openai/x", "api_base": "http://169.254.169.254/v1"}, {}, "base_url"),
        ("x", {"model": "openai/x", "api_base": "http://metadata.example/v1"}, {}, "base_url"),
        ("x", {"model": "openai/x", "api_key": "os.environ/SECRET_OF_OURS"}, {}, "litellm_params.api_key"),
        ("x", {"model": "openai/x", "extra_headers": {"X-A": "${SECRET_OF_OURS}"}}, {}, "extra_headers.X-A"),
        ("x", {"model": "openai/x", "extra_headers": {"Authorization": "sk-v3ry"}}, {}, "extra_headers.Authorization"),
        ("x", {"model": "openai/x", "api_key": "sk-****abcd"}, {}, "litellm_params.api_key"),
        ("x", {"model": "openai/x", "api_key": {"a": 1}}, {}, "litellm_params.api_key"),
        ("x", {"model": "openai/x", "api_key": "secret v3ry\n"}, {}, "litellm_params.api_key"),
        ("x", {"model": "openai/x", "litellm_credential_name": "nothing"}, {}, "litellm_credential_name"),
        ("x", {"model": "openai/x", "rpm": "many"}, {}, "litellm_params.rpm"),
        ("x", {"model": "openai/x", "weight": 1.5}, {}, "litellm_params.weight"),
        ("x", {"model": "openai/x", "order": 1}, {}, "litellm_params.order"),
        ("x", {"model": "openai/x", "max_budget": 5}, {}, "litellm_params.max_budget"),
        ("x", {"model": "openai/x", "aws_access_key_id": "a"}, {}, "litellm_params.aws_access_key_id"),
        ("x", {"model": "openai/x", "mock_response": "hi"}, {}, "litellm_params.mock_response"),
        ("x", {"model": "openai/x", "max_tokns": 5}, {}, "litellm_params.max_tokns"),
        ("x", {"model": "openai/x"}, {"team_id": "web"}, "model_info.team_id"),
        ("x", {"model": "openai/x"}, {"mode": "smell"}, "model_info.mode"),
        ("x", {"model": "openai/x"}, {"id": "a b"}, "model_info.id"),
    ],
)
async def test_what_cannot_be_had_is_named_and_nothing_is_written(
    served: Served, root: httpx.AsyncClient, name: str, params: dict[str, Any], info: dict[str, Any], field: str
) -> None:
    answer = await root.post("/model/new", json={"model_name": name, "litellm_params": params, "model_info": info})
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["error"]["message"]
    assert "v3ry" not in answer.text and "v4riable" not in answer.text
    assert not served.text() and not served.credentials.names()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "own"}, 400),
        ({"id": "old-id"}, 400),
        ({"id": "theirs"}, 400),
        ({"id": "theirs/own"}, 400),
        ({"id": "nobody"}, 404),
        ({}, 400),
        ({"id": ""}, 400),
        ({"id": 3}, 400),
    ],
)
async def test_what_is_not_of_the_layer_stays(
    served: Served, root: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    await make(root)
    before = served.text()
    for answer in (
        await root.post("/model/delete", json=body),
        await root.post("/model/update", json={**body, "litellm_params": {"rpm": 1}}),
    ):
        assert answer.status_code == status, answer.text
    assert served.text() == before and served.file.read_text() == FILE


async def test_names_and_ids_that_are_taken(served: Served, root: httpx.AsyncClient) -> None:
    await make(root, id="one")
    before = served.text()
    for name, id in (("other", "one"), ("other", "old-id"), ("plain", "two"), ("theirs", "two")):
        body = {**NEW, "model_name": name, "model_info": {"id": id}}
        assert (await root.post("/model/new", json=body)).status_code == 409, name
    assert served.text() == before


async def test_a_model_that_others_need_stays(served: Served, root: httpx.AsyncClient) -> None:
    await make(root, id="one")
    await make(root, "other", id="two")
    assert (await root.patch("/admin/aliases/other", json={"fallback": ["gpt"]})).status_code == 200
    before = served.text()
    refused = await root.post("/model/delete", json={"id": "one"})
    assert refused.status_code == 400 and "aliases.other.fallback" in refused.text
    assert served.text() == before and served.alias("gpt") is not None


async def test_the_audit_log_says_what_was_made_of_it(
    served: Served, root: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    id = await make(root)
    assert (await root.post("/model/delete", json={"id": id})).status_code == 200
    page = (await admin.get("/admin/changes")).json()["data"][::-1]
    lines = [(line["action"], line["noun"]) for line in page if line["noun"] in ("provider", "model", "alias")]
    assert lines == [
        ("create", "provider"), ("create", "model"), ("create", "alias"), ("delete", "alias"), ("delete", "model"),
        ("delete", "provider"),
    ]  # fmt: skip
    assert all(line["request"] and line["by"] != "glowplug" for line in page if line["noun"] == "model")
