from __future__ import annotations

import httpx

from glowplug.secret import Secret
from tests.control.conftest import Control


def _value(control: Control, name: str) -> str:
    secret = control.credentials.secret(name)
    assert isinstance(secret, Secret)
    return secret.reveal()


async def test_they_are_stored_and_no_answer_has_a_value(control: Control, admin: httpx.AsyncClient) -> None:
    values = {"api_key": "sk-very-secret", "api_base": "https://secret.invalid"}
    made = await admin.post("/credentials", json={"credential_name": "open", "credential_values": values})
    assert made.json()["success"] is True
    assert (_value(control, "open"), _value(control, "open.api_base")) == ("sk-very-secret", "https://secret.invalid")
    listed, one = [await admin.get(path) for path in ("/credentials", "/credentials/by_name/open")]
    assert listed.json() == {"success": True, "credentials": [one.json()]}
    assert one.json()["credential_info"]["fields"] == ["api_key", "api_base"]
    changed = await admin.patch("/credentials/open", json={"credential_values": {"api_key": "sk-other"}})
    assert (changed.status_code, _value(control, "open")) == (200, "sk-other")
    for answer in (made, listed, one, changed):
        assert "secret" not in answer.text and "sk-" not in answer.text and "****" not in answer.text
    assert (await admin.delete("/credentials/open")).status_code == 200
    assert (await admin.get("/credentials")).json()["credentials"] == []


async def test_masks_and_odd_values_change_nothing(control: Control, admin: httpx.AsyncClient) -> None:
    await admin.post("/credentials", json={"credential_name": "open", "credential_values": {"api_key": "sk-1"}})
    for values in ({"api_key": "sk-1****cdef"}, {"api_key": "sk-2", "extra": {"a": 1}}, {"api_key": ""}):
        answer = await admin.patch("/credentials/open", json={"credential_values": values})
        assert answer.status_code == 400, values
        assert "sk-" not in answer.text
    assert _value(control, "open") == "sk-1"
    for body, status in (
        ({"credential_name": "open", "credential_values": {"api_key": "x"}}, 409),
        ({"credential_name": "new", "credential_values": {}}, 400),
        ({"credential_name": "new", "model_id": "m"}, 501),
        ({"credential_name": "a b", "credential_values": {"api_key": "x"}}, 400),
    ):
        assert (await admin.post("/credentials", json=body)).status_code == status, body
