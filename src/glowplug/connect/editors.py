"""Editors and what is put into them.

Settings by: https://docs.github.com/en/copilot/how-tos/copilot-cli (`copilot help environment`),
https://code.visualstudio.com/docs/copilot/language-models, https://docs.continue.dev/reference,
https://docs.cline.bot/provider-config/openai-compatible, https://zed.dev/docs/ai/use-api-access,
https://docs.cursor.com/settings/models.
"""

from __future__ import annotations

import json

from glowplug.config.readers.foreign import Value
from glowplug.connect.base import Client, Edit, Form, Home, Items, Kind, Model, Recipe, Text, Values, Wanted

_UNKNOWN_CONTEXT = 32_768
"""Tokens that are declared where a client needs a number and nobody said one."""
_ZED = "Glowplug Gateway"
"""Zed makes the name of the variable with the key of it; `GLOWPLUG_API_KEY` would be taken by our own command too."""


def copilot(wanted: Wanted, home: Home) -> Recipe:
    """The command line reads variables; VS Code keeps the key in its own store, so a person has to type it there."""
    del home
    model = wanted.model
    env = [
        ("COPILOT_PROVIDER_TYPE", "openai"),
        ("COPILOT_PROVIDER_BASE_URL", wanted.v1),
        ("COPILOT_PROVIDER_API_KEY", wanted.key),
        ("COPILOT_MODEL", model.name),
    ]
    if model.context:
        env.append(("COPILOT_PROVIDER_MAX_PROMPT_TOKENS", str(model.context)))
    if model.output:
        env.append(("COPILOT_PROVIDER_MAX_OUTPUT_TOKENS", str(model.output)))
    listed = json.dumps([_copilot_model(one, wanted) for one in wanted.models], indent=2)
    return Recipe(
        env=tuple(env),
        texts=(Text("the models of VS Code's custom endpoint (chatLanguageModels.json)", "json", listed + "\n"),),
        steps=(
            "Copilot CLI: set the variables, then start copilot",
            "VS Code 1.122 and later: run “Chat: Manage Language Models”, choose Add → Custom Endpoint",
            "type a name and the key, and choose Chat Completions; the file that opens takes the models above",
        ),
        notes=("completions while you type stay with GitHub", "an Ollama provider cannot send a key: do not use it"),
    )


def _copilot_model(model: Model, wanted: Wanted) -> dict[str, object]:
    context = model.context or _UNKNOWN_CONTEXT
    output = model.output or context // 4
    return {
        "id": model.name, "name": model.name, "url": f"{wanted.v1}/chat/completions", "toolCalling": True,
        "vision": False, "maxInputTokens": max(context - output, 1), "maxOutputTokens": output,
    }  # fmt: skip


def continue_dev(wanted: Wanted, home: Home) -> Recipe:
    rows = tuple(_continue_model(model, wanted) for model in wanted.models)
    values: Values = {"name": "Local Assistant", "version": "1.0.0", "schema": "v1", "models": Items("name", rows)}
    path = home.of("CONTINUE_GLOBAL_DIR", ".continue") / "config.yaml"
    return Recipe(
        edits=(Edit(path, Form.YAML, values, secret=True),),
        notes=("a model for completions while you type, for embeddings or reranking is one more entry with its role",),
    )


def _continue_model(model: Model, wanted: Wanted) -> dict[str, Value]:
    row: dict[str, Value] = {
        "name": f"{model.name} (Glowplug)",
        "provider": "openai",
        "model": model.name,
        "apiBase": wanted.v1,
        "apiKey": wanted.key,
        "roles": ["chat", "edit", "apply"],
        "capabilities": ["tool_use"],
    }
    options: dict[str, Value] = {"contextLength": model.context} if model.context else {}
    if model.output:
        options["maxTokens"] = model.output
    return row | ({"defaultCompletionOptions": options} if options else {})


def cline(wanted: Wanted, home: Home) -> Recipe:
    """Both keep their settings in the editor's own store, which nobody else writes."""
    del home
    model = wanted.model
    said = f", context window {model.context}" if model.context else ""
    return Recipe(
        steps=(
            "open the settings of Cline (or Roo Code) and choose the API provider “OpenAI Compatible”",
            f"Base URL: {wanted.v1}",
            f"API key: {wanted.key}",
            f"Model ID: {model.name}{said}",
            "use the same model for Plan and for Act, so that they do not unload each other",
        ),
        notes=("both list the models they find at the URL, once the key is in",),
    )


def zed(wanted: Wanted, home: Home) -> Recipe:
    """It asks for no list, and takes the key from its own store or from a variable, never from the file."""
    provider: dict[str, Value] = {
        "api_url": wanted.v1,
        "available_models": [_zed_model(model) for model in wanted.models],
    }
    values: Values = {
        "language_models": {"openai_compatible": {_ZED: provider}},
        "agent": {"default_model": {"provider": _ZED, "model": wanted.model.name}},
    }
    return Recipe(
        edits=(Edit(home.config / "zed" / "settings.json", Form.JSON, values),),
        env=(("GLOWPLUG_GATEWAY_API_KEY", wanted.key),),
        steps=(f"give Zed the key: “agent: open settings”, {_ZED}; or start it with the variable in its environment",),
    )


def _zed_model(model: Model) -> Value:
    entry: dict[str, Value] = {
        "name": model.name,
        "display_name": model.name,
        "max_tokens": model.context or _UNKNOWN_CONTEXT,
    }
    if model.output:
        entry["max_output_tokens"] = model.output
    able: dict[str, Value] = {"tools": True, "images": False, "parallel_tool_calls": False, "prompt_cache_key": False}
    return entry | {"capabilities": able}


def cursor(wanted: Wanted, home: Home) -> Recipe:
    """Cursor's own servers ask, so a server of this machine is not reached."""
    del home
    far = "Cursor's servers ask, not your machine: it needs a public https address of this server"
    return Recipe(
        steps=(
            "open Cursor Settings → Models → API Keys",
            f"OpenAI API Key: {wanted.key}",
            f"Override OpenAI Base URL: {wanted.v1}",
            f"add the custom model {wanted.model.name}, and switch the others off",
        ),
        notes=(far + (f", and {wanted.url} is none" if wanted.loopback else ""), "Tab stays with Cursor's own model"),
    )


COPILOT = Client(
    "copilot", "GitHub Copilot", Kind.EDITOR, "openai", copilot,
    programs=("copilot",), places=lambda home: (home.path / ".copilot", home.config / "github-copilot"),
    agents=("githubcopilotchat/", "copilot/", "github-copilot"),
)  # fmt: skip
CONTINUE = Client(
    "continue", "Continue", Kind.EDITOR, "openai", continue_dev,
    programs=("cn",), places=lambda home: (home.of("CONTINUE_GLOBAL_DIR", ".continue"),), agents=("continue/",),
)  # fmt: skip
CLINE = Client(
    "cline", "Cline, Roo Code", Kind.EDITOR, "openai", cline,
    programs=("cline",), places=lambda home: (home.path / ".cline", home.path / ".roo"), agents=("cline/", "roocode/"),
)  # fmt: skip
ZED = Client(
    "zed", "Zed", Kind.EDITOR, "openai", zed,
    programs=("zed", "zeditor"), places=lambda home: (home.config / "zed",), agents=("zed/",),
)  # fmt: skip
CURSOR = Client(
    "cursor", "Cursor", Kind.EDITOR, "openai", cursor,
    programs=("cursor",), places=lambda home: (home.config / "Cursor", home.path / ".cursor"), agents=("cursor/",),
)  # fmt: skip
