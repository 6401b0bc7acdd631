"""The page of providers and quirks, from the catalogue and the table of quirks."""

from __future__ import annotations

from pathlib import Path

from glowplug.domain.provider import KeySent, ProviderRow
from glowplug.providers.catalogue import PROVIDERS
from glowplug.wire.quirks import QUIRKS

PAGE = "docs/providers.md"

_OPENING = """# Providers

<!-- Made by `python -m tools.docs` from src/glowplug/providers/catalogue.py and src/glowplug/wire/quirks.py. -->

These are known by name. The name is enough:

```yaml
providers:
  groq: {}                        # its key from GROQ_API_KEY
  azure: {resource: my-resource}  # part of its URL
  work: {type: openai, api_key: "${WORK_KEY}"}
models:
  chat-llama-groq: {provider: groq, id: llama-3.3-70b-versatile}
```

- What an entry says itself wins. An entry that gives a `base_url` gives its `api_key` too: a key from the catalogue's
  variable goes to the catalogue's URL and nowhere else.
- An entry with the URL of one of these is taken for it, whatever it is called; with a `base_url` from elsewhere, the
  name alone means nothing, and `type` does.
- Each is asked at the endpoints it has itself. Chat, messages and responses are translated into each other, so that
  every client can use every model; what else is missing is refused.
- A provider that is not here needs `base_url`, and is presumed to have chat, completions, embeddings, rerank and audio.
  `capabilities` of a model says otherwise.
- `glowplug providers` shows this list, and which keys are set. `glowplug models discover` asks the configured ones
  what they have (`glowplug models discover NAME` one of this list), and prints lines for the configuration.

A provider that speaks neither OpenAI's nor Anthropic's wire is reached over [the bridge](#the-bridge).

| name | provider | URL | key | endpoints | quirks |
|---|---|---|---|---|---|"""

_MISSING = """
## An endpoint that is not there

An engine, or a provider that is not in the catalogue, may answer 404, 405 or 501 to `messages` or `responses` although
its `capabilities` name them. Where there is a translation, the same request is put through it at once, and the
following ones too: to an engine until it is granted anew, to a provider for an hour. A 404 that speaks of a model, or
of an earlier response, is an answer like any other.
"""

_SIGNED = """
## AWS and Google

`bedrock` and `bedrock-mantle` take an API key (`AWS_BEARER_TOKEN_BEDROCK`) or ordinary AWS credentials, with which
every request is signed: `access_key_id`, `secret_access_key` and perhaps `session_token`, else the usual `AWS_…`
variables. Profiles, roles and the metadata service are not asked; credentials that end go into files (`file:/path`),
and saving the configuration or `glowplug config reload` reads them anew.

```yaml
providers:
  bedrock: {region: us-east-1}
  vertex: {region: us-central1, resource: my-project}  # its key: gcloud auth print-access-token, good for an hour
```

## The bridge

What the catalogue cannot reach, the library [any-llm](https://github.com/mozilla-ai/any-llm) may. It runs in a process
of its own, as an engine that is started by the first request and stopped when it has been idle:

```yaml
models:
  chat-granite-watsonx:
    engine: command
    command: [python3, -m, glowplug.providers.bridge]
    args: [--provider, watsonx, --port, "{port}"]
    id: ibm/granite-3-8b-instruct
    ready: {http: /health}
    host_memory: 300MiB
    env: {WATSONX_API_KEY: "${WATSONX_API_KEY}"}
    price: {prompt: 0.2, completion: 0.2}
```

It needs `pip install 'glowplug[bridge]' 'any-llm-sdk[watsonx]'` in the Python that `command` names; without them it
says so and ends. The names of providers and of their variables are any-llm's. Chat and embeddings are bridged; members
that any-llm does not take in a chat are left out, and none that says where the key goes is passed on. Without a `price`
it counts as free, as engines do.
"""

_QUIRKS = """
## Quirks

A quirk says where a provider differs from the wire it speaks. `quirks: [+x, -y]` at a provider or a model adds and
takes away, a list of plain names replaces. Requests to targets without quirks are not looked into.

| quirk | endpoints | what it does |
|---|---|---|"""

_STRIPPED = """
`strip-attribution` is on wherever Anthropic's wire is spoken to somebody other than Anthropic, engines here included:
the line changes with every request, so that no prompt would be found in a cache again.
"""


def pages(_root: Path) -> dict[str, str]:
    rows = [_row(row) for row in PROVIDERS.values()]
    quirks = [f"| `{name}` | {', '.join(row.kinds)} | {row.says} |" for name, row in QUIRKS.items()]
    lines = [_OPENING, *rows, _MISSING.rstrip(), _SIGNED.rstrip(), _QUIRKS, *quirks, _STRIPPED.rstrip()]
    return {PAGE: "\n".join(lines) + "\n"}


def _row(row: ProviderRow) -> str:
    key = " or ".join(f"`{name}`" for name in row.variables)
    if row.key is not KeySent.BEARER:
        key += f", sent as `{row.key.value}`"
    cells = (
        f"`{row.name}`",
        f"[{row.title}]({row.docs})",
        f"`{row.base_url}`",
        key,
        ", ".join(row.capabilities),
        ", ".join(f"`{name}`" for name in row.quirks),
    )
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")
