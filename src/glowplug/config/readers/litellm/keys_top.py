"""What becomes of the sections of LiteLLM's file: a table only; those of their keys are beside it."""

from __future__ import annotations

from typing import Final

from glowplug.config.readers.keys import Table, left, taken

_ENDS: Final = "only models are served here; this is passed to no provider"

SECTIONS: Final[Table] = {
    **taken(
        "model_list", "litellm_settings", "general_settings", "router_settings", "environment_variables",
        "include", "credential_list", "callback_settings",
    ),
    **left(
        "there are no guardrails here", "guardrails", "policies", "policy_attachments",
        hint="a guardrail can run in front of Glowplug",
    ),
    **left("prompts are sent by clients", "prompts"),
    **left("tools are the clients' business", "mcp_servers", "mcp_tools", "search_tools", "vector_store_registry"),
    **left("there are no agents here", "agent_list"),
    **left("workers are those of this machine", "worker_registry", hint="server.workers says how many"),
    **left(_ENDS, "assistant_settings", "finetune_settings"),
    **left("files and batches go to the provider of the model", "files_settings"),
    **left("Google Cloud's signed requests are not made here", "default_vertex_config"),
}  # fmt: skip
"""The top of the file."""
