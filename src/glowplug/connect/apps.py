"""Applications with settings in pages of their own.

Settings by: https://docs.openwebui.com/getting-started/env-configuration,
https://www.home-assistant.io/integrations/ollama.
"""

from __future__ import annotations

from glowplug.connect.base import Client, Home, Kind, Recipe, Wanted

_CONTAINER = (
    "in a container 127.0.0.1 is the container itself: start it with --add-host=host.docker.internal:host-gateway and "
    "use http://host.docker.internal:PORT, with that name in server.allowed_hosts"
)


def open_webui(wanted: Wanted, home: Home) -> Recipe:
    """Its variables hold until somebody saves its page of connections; from then on that page holds."""
    del home
    return Recipe(
        env=(
            ("OPENAI_API_BASE_URL", wanted.v1),
            ("OPENAI_API_KEY", wanted.key),
            ("TASK_MODEL_EXTERNAL", wanted.model.name),
            ("ENABLE_FORWARD_USER_INFO_HEADERS", "true"),
        ),
        steps=(
            "a new Open WebUI: start it with the variables",
            "one that runs: Admin Panel → Settings → Connections → OpenAI API, add a connection:",
            f"URL: {wanted.v1}",
            f"Key: {wanted.key}",
            f"Admin Panel → Settings → Interface: External Task Model {wanted.model.name} (titles then unload nothing)",
        ),
        notes=(
            "with a key that trusts it (glowplug keys create NAME --end-users) usage is counted by its users",
            *((_CONTAINER,) if wanted.loopback else ()),
        ),
    )


def home_assistant(wanted: Wanted, home: Home) -> Recipe:
    """It speaks Ollama's API, which is served at the root."""
    del home
    return Recipe(
        steps=(
            "Settings → Devices & services → Add integration → Ollama",
            f"URL: {wanted.url}",
            f"API key: {wanted.key}",
            f"add a conversation agent with the model {wanted.model.name}",
        ),
        notes=(
            "a short context answers sooner; “Control Home Assistant” needs a model that calls tools",
            *(("Home Assistant is mostly another machine: it needs this server's own address",) * wanted.loopback),
        ),
    )


OPEN_WEBUI = Client(
    "open-webui", "Open WebUI", Kind.APP, "openai", open_webui,
    programs=("open-webui",), agents=("open-webui", "open webui"),
)  # fmt: skip
HOME_ASSISTANT = Client(
    "home-assistant", "Home Assistant", Kind.APP, "ollama", home_assistant,
    programs=("hass",), places=lambda home: (home.path / ".homeassistant",), agents=("homeassistant", "ollama-python/"),
)  # fmt: skip
