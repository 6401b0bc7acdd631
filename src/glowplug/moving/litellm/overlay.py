"""An installation's rows in the shape LiteLLM lays over its configuration file, for the reader of that file."""

from __future__ import annotations

from typing import NamedTuple

from glowplug.config.readers.foreign import Value
from glowplug.moving.litellm.installation import Installation


class OverlayRows(NamedTuple):
    """Rows as the tables have them, opened; without those that were refused."""

    settings: dict[str, Value]
    """`LiteLLM_Config`: section → what it says."""
    models: list[dict[str, Value]]
    """`LiteLLM_ProxyModelTable`: `model_id`, `model_name`, `litellm_params`, `model_info`."""
    credentials: list[dict[str, Value]]
    """`LiteLLM_CredentialsTable`: `credential_name`, `credential_values`, `credential_info`."""


def overlay_rows(installation: Installation) -> OverlayRows:
    """Models that are blocked there are left out: nobody may use them.  A model of a team has the name its members use,
    and `team_id` in its `model_info`."""
    return OverlayRows(
        {setting.name: dict(setting.values) for setting in installation.settings},
        [
            {
                "model_id": model.id,
                "model_name": model.name,
                "litellm_params": dict(model.params),
                "model_info": {**model.info, "id": model.id},
            }
            for model in installation.models
            if not model.blocked
        ],
        [
            {
                "credential_name": credential.name,
                "credential_values": dict(credential.values),
                "credential_info": dict(credential.info),
            }
            for credential in installation.credentials
        ],
    )
