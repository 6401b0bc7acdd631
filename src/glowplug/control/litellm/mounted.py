"""Every endpoint of LiteLLM's, one noun after the other."""

from __future__ import annotations

from glowplug.control.litellm import (
    activity,
    budgets,
    credentials,
    customers,
    fallbacks,
    health,
    keys,
    login,
    logs,
    models,
    organizations,
    spend,
    teams,
    tokens,
    users,
)
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services


def litellm_routes(services: Services) -> tuple[Endpoint, ...]:
    """All of them; those whose use case is not there are left out."""
    nouns = (
        keys, users, teams, models, fallbacks, credentials, budgets, logs, spend, activity, health, tokens, login,
        customers, organizations,
    )  # fmt: skip
    return tuple(endpoint for noun in nouns for endpoint in noun.routes(services))
