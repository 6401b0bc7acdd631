"""The page of what becomes of other gateways' configurations, from the readers' tables."""

from __future__ import annotations

from pathlib import Path

from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.keys import Table
from glowplug.config.readers.litellm import keys_general, keys_model, keys_settings, keys_top
from glowplug.config.readers.litellm.prefixes import PREFIXES
from glowplug.config.readers.llama_swap import keys as llama_swap

PAGE = "docs/other-gateways.md"

_OPENING = """# Other gateways' configurations

<!-- Made by `python -m tools.docs` from the tables in src/glowplug/config/readers/. -->

The files of LiteLLM and llama-swap, and the library of an Ollama, are read into [our own configuration](configuration.md). What
comes of it is checked like a file that you wrote, and every setting that is not simply taken over has a note that says why.

## LiteLLM

| there | here |
|---|---|
| a deployment in `model_list` | a model, named after its public name and its provider: `gpt-4o-azure`, `gpt-4o-azure-2` |
| `model_name`, `model_group_alias` | an alias with these models as targets; names have letters, digits and `. _ : / @ -` only |
| `order` | the order of the targets; several of the lowest order are drawn by weight, the others have the weight 0 |
| `weight`, else `rpm`, else `tpm` of `simple-shuffle` | weights |
| `routing_strategy` | `policy`; `usage-based-routing` becomes `least-busy` |
| `fallbacks`, `default_fallbacks` and `"*"` | `fallback` of the alias, `defaults.fallback`; where a list would lead back, the models behind the name are in it |
| `context_window_fallbacks`, `content_policy_fallbacks` | `on_context`, `on_content` |
| `openai/*`, `*` | a model of that name |
| `os.environ/NAME` | `${NAME}`; the value is copied only where another is needed, and a note says so |
| a key that is written down | `secret:NAME`, and the secret apart from the file |
| `credential_list`, `include`, `environment_variables` | what uses them |
| rows of the database | as LiteLLM takes them: over the file, but for null and empty lists |
| `rpm`, `tpm`, `max_parallel_requests` | `rpm`, `tpm`, `max_concurrency` |
| `stream_timeout`, else `timeout` | `first_byte_timeout` |
| prices | `price` |
| `model_info.mode`, `max_input_tokens` | `capabilities`, `context_window` |
| the id of a deployment | `former_ids`, so that past usage is found |
| a server nearby (`ollama_chat/`, `hosted_vllm/`, a private address) | a provider; it is offered as a model that Glowplug starts and stops |
"""  # noqa: E501  rows of tables

_LLAMA_SWAP = """
## llama-swap

| there | here |
|---|---|
| `cmd` of a `llama-server` with `-m`, of `vllm serve` | a model of the engine `llamacpp`, `vllm`; the other arguments are `args` |
| any other `cmd` | a model of the engine `command`, with `{port}` where `${PORT}` was |
| `checkEndpoint`, `cmdStop`, `useModelName` | `ready`, `stop`, `id` of the engine `command`; others know these themselves |
| `ttl`, `globalTTL` | `keep_alive`; 0 is for ever |
| `${env.NAME}`, macros | `${NAME}`, what they stand for |
| `aliases`, `selectors` | aliases |
| `groups` | groups: `swap` is `most: 1`, `exclusive` the same, members of a `persistent` one are `pinned` |
| `peers` | providers, with models named `PEER/MODEL`, and an alias where only one has it |
| `concurrencyLimit`, `timeouts`, `filters.setParams` | `max_concurrency`, `connect_timeout`, `first_byte_timeout`, `request_defaults` |
"""  # noqa: E501  rows of tables

_OLLAMA = """
## Ollama

Every model of its library is a model of the engine `ollama`, and its name there an alias. A context that its Modelfile
or a loaded model has is `num_ctx`; a model that stays loaded has `keep_alive: -1`. Models of Ollama Cloud are asked
there, with a key.

## Back to LiteLLM

Our configuration can be written as LiteLLM's `config.yaml`. Keys are variables of its environment, never values; models
that run on an engine here are asked through Glowplug; what LiteLLM has no word for is in comments at the top.
"""


def pages(_root: Path) -> dict[str, str]:
    refused = sorted(name for name, prefix in PREFIXES.items() if prefix.refused)
    reached = sorted(name for name, prefix in PREFIXES.items() if not prefix.refused)
    lines = [
        _OPENING.rstrip(),
        f"\nProviders that can be asked: {_names(reached)}, and any other with an `api_base`.",
        f"\nProviders that cannot: {_names(refused)}; `bedrock` only with an API key.",
        "\n### What is not taken over, or changed\n",
        *_table("", keys_top.SECTIONS),
        *_table("litellm_params", keys_model.PARAMS),
        *_table("model_info", keys_model.INFO),
        *_table("litellm_settings", keys_settings.LITELLM),
        *_table("cache_params", keys_settings.CACHE),
        *_table("router_settings", keys_settings.ROUTER),
        *_table("general_settings", keys_general.GENERAL),
        _LLAMA_SWAP.rstrip(),
        "\n### What llama-swap has and we have not\n",
        *_table("", llama_swap.TOP),
        *_table("models", llama_swap.MODEL),
        *_table("filters", llama_swap.FILTERS),
        *_table("timeouts", llama_swap.TIMEOUTS),
        *_table("capabilities", llama_swap.CAPABILITIES),
        *_table("hooks.on_startup", llama_swap.HOOKS),
        _OLLAMA.rstrip(),
    ]
    return {PAGE: "\n".join(lines) + "\n"}


def _table(section: str, table: Table) -> list[str]:
    """A line for each reason, with the keys that have it."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, key in table.items():
        if key.outcome is not Outcome.TAKEN:
            reasons.setdefault((key.why, key.hint), []).append(name)
    lines = [f"- {_names(names)}: {why}{f' ({hint})' if hint else ''}." for (why, hint), names in reasons.items()]
    return [f"\nOf `{section}`:\n", *lines] if section else lines


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
