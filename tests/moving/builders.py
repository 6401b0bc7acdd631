"""Parts of a LiteLLM installation, in clear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from glowplug.moving.litellm.installation import Installation
from glowplug.moving.litellm.rows.allowance import Allowance, AllowedModels
from glowplug.moving.litellm.rows.keys import VirtualKey
from glowplug.moving.litellm.rows.spend_logs import SpendLog
from glowplug.moving.litellm.rows.teams import Team
from glowplug.moving.litellm.rows.users import User

HASH = "ab" * 32


def installation(**more: Any) -> Installation:
    nothing: dict[str, Any] = dict.fromkeys(
        (
            *("models", "credentials", "keys", "replaced_keys", "deleted_keys", "deleted_teams", "users", "teams"),
            *("memberships", "organisations", "organisation_members", "budgets", "end_users", "tags", "settings"),
        ),
        (),
    )
    return Installation(**{"source": "u@h/d", "era": "1.82", "whole": None, **nothing, **more})


def virtual(**more: Any) -> VirtualKey:
    key = VirtualKey(
        HASH, "laptop", "sk-...wxyz", 0, None, Allowance(), "", AllowedModels(), {}, (), "", "", "", "", (), (), False,
        None, 5.0, None, {},
    )  # fmt: skip
    return replace(key, **more)


def user(id: str, **more: Any) -> User:
    made = User(id, "", "", "internal_user", "", False, (), AllowedModels(), Allowance(), 0, "", 5.0, {})
    return replace(made, **more)


def team(id: str, **more: Any) -> Team:
    made = Team(id, "", "", (), AllowedModels(), (), {}, (), Allowance(), 0, False, 5.0, {})
    return replace(made, **more)


def log(request: str, **more: Any) -> SpendLog:
    known: dict[str, Any] = {
        "request": request, "started": 1_764_000_000.0, "ended": 1_764_000_002.0, "first_token": None, "key": HASH,
        "user": "ann", "team": "search", "organisation": "", "end_user": "", "model": "gpt-4o", "model_id": "m-1",
        "asked": "chat", "provider": "openai", "call": "acompletion", "session": "", "prompt_tokens": 10,
        "completion_tokens": 5, "cached_tokens": 4, "cache_written": 0, "cost": 1000, "failed": False,
        "from_cache": False, "tags": ("batch", "batch"),
    }  # fmt: skip
    return SpendLog(**{**known, **more})
