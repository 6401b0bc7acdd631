"""Who answers at a LiteLLM when a model fails: what it says of that, and how it is made to show it.  Pure.

`GET /v1/models?include_metadata=true&fallback_type=…` names them with every model, and a member of a request's body
makes its router fail on purpose, before anybody is called (`MockRouterTestingParams`).  Of late it refuses that member
with 400 unless `general_settings.dangerously_allow_mock_testing_request_params` is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from glowplug.smoke.plan import Known, Task, probes_for
from glowplug.smoke.probes import CHAT, JSON, Answer, Asked, error_text


@dataclass(frozen=True)
class Kind:
    """One of the lists that a LiteLLM keeps."""

    name: str
    member: str
    """Of a request that is to fail in this way."""
    what: str
    """What happens to the model then, for people."""


KINDS: Final = (
    Kind("general", "mock_testing_fallbacks", "it fails"),
    Kind("context_window", "mock_testing_context_fallbacks", "its context is full"),
    Kind("content_policy", "mock_testing_content_policy_fallbacks", "it refuses the content"),
)
_LOCKED: Final = "dangerously_allow_mock_testing_request_params"
_COUNT: Final = "x-litellm-attempted-fallbacks"
_GROUP: Final = "x-litellm-model-group"


def question(kind: Kind) -> Asked:
    """Which models have others behind them."""
    return Asked(path=f"/v1/models?include_metadata=true&fallback_type={kind.name}", method="GET")


def told(answer: Answer) -> dict[str, tuple[str, ...]] | None:
    """Who is behind each model that has somebody; None where the server does not say."""
    if answer.status != 200:
        return None
    try:
        rows = msgspec.json.decode(answer.body)["data"]
        lists = {str(row["id"]): row["metadata"]["fallbacks"] for row in rows}
    except (msgspec.DecodeError, KeyError, TypeError):
        return None
    return {
        name: tuple(str(one) for one in names if one != name)
        for name, names in lists.items()
        if isinstance(names, list) and set(names) != {name} and names
    }


def tasks(kind: Kind, models: Iterable[Known], behind: Mapping[str, Sequence[str]]) -> list[Task]:
    """One request for each of these models that has others behind it."""
    found = []
    for model in models:
        probes = [probe for probe in probes_for(model) if probe.ask(model.name).media == JSON]
        # Contexts that are full and contents that are refused are matters of chat.
        probes = [probe for probe in probes if kind.name == "general" or probe is CHAT]
        if probes and (expected := tuple(behind.get(model.name, ()))):
            found.append(
                Task(model=model.name, probe=probes[0], expected=expected, failing=kind.what, member=kind.member)
            )
    return found


def failing(asked: Asked, member: str) -> Asked:
    """The same request, whose first model is to fail."""
    return replace(asked, body=msgspec.json.encode({**msgspec.json.decode(asked.body), member: True}))


def locked(answer: Answer) -> str:
    """Why the server would not play along, or empty."""
    if answer.status != 400 or _LOCKED not in error_text(answer.body):
        return ""
    return f"not asked: no request may make it fail while general_settings.{_LOCKED} is not true there"


def served(answer: Answer) -> str:
    """Who answered instead; empty where nobody did, or nobody says."""
    if answer.headers.get(_COUNT, "0") == "0":
        return ""
    return answer.headers.get(_GROUP, "")
