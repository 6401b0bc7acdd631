"""What becomes of llama-swap's keys: tables only.

Keys are those of its config.example.yaml of autumn 2026, and those that older ones have had.
"""

from __future__ import annotations

from typing import Final

from glowplug.config.readers.keys import Table, changed, left, taken

_LISTED: Final = "lists of models show names only"
_STORED: Final = "usage is kept in the store, and shown by glowplug usage"

TOP: Final[Table] = {
    **taken(
        "healthCheckTimeout", "logLevel", "globalTTL", "unloadTimeout", "macros", "apiKeys", "models", "groups",
        "hooks", "routing", "matrix", "peers", "selectors", "profiles",
    ),
    **left("log lines have one form, or another with server.log_format", "logTimeFormat", "logRequests"),
    **left("an engine's log is its own; glowplug logs shows it", "logToStdout"),
    **left(_STORED, "store", "metricsMaxInMemory", "captureBuffer", "performance", "ui"),
    **left("each start of an engine takes a free port", "startPort"),
    **changed("streams hear how far a load is in comments, not in the model's words", "sendLoadingState"),
    **changed("aliases are always listed", "includeAliasesInList"),
    **left("there is no way to an engine past the endpoints of models", "upstream"),
    **left("Tailcat's network is not known here", "tailcat"),
}  # fmt: skip
"""The top of the file."""

MODEL: Final[Table] = {
    **taken(
        "cmd", "cmdStop", "proxy", "checkEndpoint", "env", "ttl", "unloadTimeout", "useModelName", "aliases", "filters",
        "macros", "concurrencyLimit", "timeouts", "capabilities", "unlisted",
    ),
    **left(_LISTED, "name", "description", "metadata"),
    **left("streams hear how far a load is in comments", "sendLoadingState"),
    **left("idle websockets wake and keep nothing", "compat"),
}  # fmt: skip
"""`models.NAME`."""

FILTERS: Final[Table] = {
    **taken("setParams"),
    **left("members of requests are passed on", "stripParams", "strip_params"),
    **left(
        "names that change a request are no models", "setParamsByID",
        hint="make a model of its own with request_defaults",
    ),
}  # fmt: skip
"""`filters` of models and peers."""

TIMEOUTS: Final[Table] = {
    **taken("connect", "responseHeader"),
    **left("connections are kept by rules without settings", "keepalive", "tlsHandshake", "idleConn"),
}

CAPABILITIES: Final[Table] = {
    **taken("reranker", "context", "out"),
    **left("requests are not refused for what a model is said not to do", "in", "tools"),
}

GROUP: Final[Table] = taken("swap", "exclusive", "persistent", "members")

PEER: Final[Table] = {**taken("proxy", "apiKey", "models", "filters", "timeouts"),
                      **left("Tailcat's network is not known here", "tailcatKey")}  # fmt: skip

SELECTOR: Final[Table] = {
    **taken("strategy", "targets"),
    **left(_LISTED, "name", "description", "metadata"),
    **left("who has the fewest requests goes first, whatever their number", "settings"),
}

HOOKS: Final[Table] = {
    **left(
        "nothing is loaded before it is asked for", "preload",
        hint="one request for each of them loads it, and keep_alive: -1 keeps it",
    ),
    **left("names are switched by changing an alias", "profile"),
}  # fmt: skip
"""`hooks.on_startup`."""
