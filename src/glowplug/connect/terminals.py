"""Clients that work in a terminal.

Settings by: https://code.claude.com/docs/en/env-vars, https://developers.openai.com/codex/config-reference,
https://opencode.ai/docs/providers, https://aider.chat/docs/config/aider_conf.html,
https://aider.chat/docs/config/adv-model-settings.html.
"""

from __future__ import annotations

from glowplug.config.readers.foreign import Value
from glowplug.connect.base import Client, Edit, Form, Home, Kind, Model, Recipe, Values, Wanted

OURS = "glowplug"
"""What we are called as a provider in the settings of others."""
_ROOMY = 32_768
"""Tokens of context below which agents have no room to work."""
_TIMEOUT_MS = 600_000
"""A model that is cold may need minutes."""


def claude_code(wanted: Wanted, home: Home) -> Recipe:
    """All sizes it knows are one model: helpers of other sizes would unload the one that works."""
    model = wanted.model
    env: dict[str, Value] = {
        "ANTHROPIC_BASE_URL": wanted.url,
        "ANTHROPIC_AUTH_TOKEN": wanted.key,
        "ANTHROPIC_MODEL": model.name,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": model.name,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": model.name,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model.name,
        "CLAUDE_CODE_SUBAGENT_MODEL": model.name,
        "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "API_TIMEOUT_MS": str(_TIMEOUT_MS),
    }
    if model.context:
        env["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] = str(model.context)  # of a name it does not know it assumes 1m
    if model.output:
        env["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(model.output)
    cramped = model.context is not None and model.context < _ROOMY
    path = home.of("CLAUDE_CONFIG_DIR", ".claude") / "settings.json"
    return Recipe(
        edits=(Edit(path, Form.JSON, {"env": env}, secret=True),),
        env=tuple((name, str(value)) for name, value in env.items()),
        notes=(
            "the environment lines do the same for one shell; a login to claude.ai stays, and is not used meanwhile",
            "an ANTHROPIC_API_KEY in your environment goes out beside the key: unset it",
            *((f"its first request alone may have 20,000 tokens, and {model.name} takes {model.context}",) * cramped),
        ),
    )


def codex(wanted: Wanted, home: Home) -> Recipe:
    model = wanted.model
    values: Values = {"model": model.name, "model_provider": OURS}
    if model.context:
        values["model_context_window"] = model.context
    provider: dict[str, Value] = {
        "name": "Glowplug",
        "base_url": wanted.v1,
        "wire_api": "responses",
        "experimental_bearer_token": wanted.key,
        "stream_idle_timeout_ms": _TIMEOUT_MS,
    }
    values["model_providers"] = {OURS: provider}
    path = home.of("CODEX_HOME", ".codex") / "config.toml"
    return Recipe(
        edits=(Edit(path, Form.TOML, values, secret=True),),
        notes=(
            "to keep the key out of the file, put env_key = \"NAME\" in the place of experimental_bearer_token",
            "Codex knows no context of models that are not its own and says so at every start; that is harmless",
        ),
    )  # fmt: skip


def opencode(wanted: Wanted, home: Home) -> Recipe:
    """It asks for no list: models are listed with their limits."""
    options: dict[str, Value] = {"baseURL": wanted.v1, "apiKey": wanted.key}
    provider: dict[str, Value] = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Glowplug",
        "options": options,
        "models": {model.name: _listed(model) for model in wanted.models},
    }
    name = f"{OURS}/{wanted.model.name}"
    values: Values = {
        "$schema": "https://opencode.ai/config.json",
        "provider": {OURS: provider},
        "model": name,
        "small_model": name,
    }
    path = home.config / "opencode" / "opencode.json"
    return Recipe(
        edits=(Edit(path, Form.JSON, values, secret=True),),
        notes=("small_model is the same model, so that titles do not unload the one that works",),
    )


def _listed(model: Model) -> Value:
    entry: dict[str, Value] = {"name": model.name}
    if model.context:
        entry["limit"] = {"context": model.context, "output": model.output or max(model.context // 4, 1)}
    return entry


def aider(wanted: Wanted, home: Home) -> Recipe:
    name = f"openai/{wanted.model.name}"
    values: Values = {
        "openai-api-base": wanted.v1,
        "openai-api-key": wanted.key,
        "model": name,
        "weak-model": name,
    }
    edits = [Edit(home.path / ".aider.conf.yml", Form.YAML, values, secret=True)]
    known = {f"openai/{model.name}": _known(model) for model in wanted.models if model.context}
    if known:
        facts: Values = {**known}
        edits.append(Edit(home.path / ".aider.model.metadata.json", Form.JSON, facts))
    return Recipe(
        edits=tuple(edits),
        env=(("OPENAI_API_BASE", wanted.v1), ("OPENAI_API_KEY", wanted.key)),
        notes=(
            f"for one project: the same lines in its own .aider.conf.yml, or: aider --model {name}",
            "a file .env in the project or the home directory comes before these settings",
        ),
    )


def _known(model: Model) -> dict[str, Value]:
    known: dict[str, Value] = {"max_input_tokens": model.context}
    if model.output:
        known |= {"max_tokens": model.output, "max_output_tokens": model.output}
    costs: dict[str, Value] = {"input_cost_per_token": 0, "output_cost_per_token": 0}
    return known | costs | {"litellm_provider": "openai", "mode": "chat"}


CLAUDE_CODE = Client(
    "claude-code", "Claude Code", Kind.AGENT, "anthropic", claude_code,
    programs=("claude",), places=lambda home: (home.of("CLAUDE_CONFIG_DIR", ".claude"),), agents=("claude-cli/",),
)  # fmt: skip
CODEX = Client(
    "codex", "Codex CLI", Kind.AGENT, "responses", codex,
    programs=("codex",), places=lambda home: (home.of("CODEX_HOME", ".codex"),), agents=("codex",),
)  # fmt: skip
OPENCODE = Client(
    "opencode", "opencode", Kind.AGENT, "openai", opencode,
    programs=("opencode",), places=lambda home: (home.config / "opencode",), agents=("opencode/",),
)  # fmt: skip
AIDER = Client(
    "aider", "aider", Kind.AGENT, "openai", aider,
    programs=("aider",), places=lambda home: (home.path / ".aider.conf.yml",),
)  # fmt: skip
