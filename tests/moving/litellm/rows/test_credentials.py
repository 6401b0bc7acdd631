from __future__ import annotations

from glowplug.moving.litellm.rows.credentials import Credential, read_credential
from glowplug.moving.litellm.values import Refused
from glowplug.testing.litellm_sealing import LOST, Sealer, seal
from tests.moving.litellm.rows.reading import notes, reading


def test_a_credential_is_opened() -> None:
    values = Sealer("everything").row({"api_key": "sk-1", "api_base": "http://h"}, layers=2)
    info = {"custom_llm_provider": "azure"}
    credential = read_credential(
        {"credential_name": "eu", "credential_values": values, "credential_info": info}, reading()
    )
    assert credential == Credential("eu", {"api_key": "sk-1", "api_base": "http://h"}, info)
    assert "sk-1" not in repr(credential)


def test_a_credential_that_cannot_be_opened_is_refused_by_name() -> None:
    read = reading()
    values = {"api_key": seal("sk-1", LOST, "url-safe", 1)}
    assert isinstance(read_credential({"credential_name": "eu", "credential_values": values}, read), Refused)
    assert "LiteLLM_CredentialsTable[eu]: the credential 'eu' (api_key" in notes(read)[0]
