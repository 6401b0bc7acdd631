"""What `glowplug top` shows, asked of the admin API: the same that anybody can ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from glowplug.cli.memory import rows_of
from glowplug.errors import Forbidden, GlowplugError, NotFound

if TYPE_CHECKING:
    from glowplug.cli.client import Client, Row

_WITHIN = 10.0
_EXAMINATION = 120.0
_WORST_FIRST = ("error", "warning", "note")


@dataclass(frozen=True)
class Facts:
    """One look at a server."""

    url: str
    now: float
    """Unix seconds, by the server's clock."""
    status: Row
    instances: tuple[Row, ...]
    devices: tuple[Row, ...] | None
    """None: nobody keeps books over memory."""
    problems: tuple[str, ...]
    """Of the devices."""
    today: tuple[Row, ...]
    """Sums of this day (UTC)."""
    in_flight: int | None
    waiting: int | None
    """None: the key may not see figures."""

    def document(self, findings: list[Row] | None) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "status": self.status, "data": list(self.instances), "devices": self.devices and list(self.devices),
            "problems": list(self.problems), "today": list(self.today), "in_flight": self.in_flight,
            "waiting": self.waiting, "findings": findings,
        }  # fmt: skip


def facts(client: Client) -> Facts:
    """Look.  Raises GlowplugError."""
    status = client.call("GET", "/admin/status", within=_WITHIN)
    now = float(status.get("started_at") or 0.0) + float(status.get("uptime") or 0.0)
    try:
        memory = client.call("GET", "/admin/memory", within=_WITHIN)
    except NotFound:
        memory = None
    today = {"by": "day", "since": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")}
    in_flight, waiting = _figures(client)
    return Facts(
        url=client.address.base,
        now=now,
        status=status,
        instances=tuple(client.rows("/admin/instances", within=_WITHIN)),
        devices=None if memory is None else tuple(rows_of(memory)),
        problems=() if memory is None else tuple(map(str, memory.get("problems") or ())),
        today=tuple(_used(client, today)),
        in_flight=in_flight,
        waiting=waiting,
    )


def findings(client: Client) -> list[Row] | None:
    """What the server's doctor finds, the worst first; None where it may not be asked.  Takes seconds."""
    try:
        answer = client.call("POST", "/admin/doctor/examine", {}, silence=_EXAMINATION)
    except (Forbidden, NotFound):
        return None
    found = [row for check in answer.get("checks") or () for row in check.get("findings") or ()]
    return sorted(
        found, key=lambda row: _WORST_FIRST.index(row["severity"]) if row.get("severity") in _WORST_FIRST else 9
    )


def load(client: Client, model: str) -> str:
    """Begin to load a model; what was done, in words.  Raises GlowplugError."""
    from glowplug.cli.client import segment

    client.call("POST", f"/admin/models/{segment(model)}/start", query={"wait": "0"})
    return f"loading {model}"


def unload(client: Client, model: str) -> str:
    """Unload it when the answers it gives have ended.  Raises GlowplugError."""
    from glowplug.cli.client import segment

    client.call("POST", f"/admin/models/{segment(model)}/stop", silence=900.0)
    return f"unloaded {model}"


def keep(client: Client, model: str) -> str:
    """Load it and keep it until a request, or somebody, says otherwise.  Raises GlowplugError."""
    client.call("POST", "/api/generate", {"model": model, "keep_alive": -1, "stream": False}, silence=900.0)
    return f"{model} stays until its next request, or until it is unloaded"


def _used(client: Client, query: dict[str, str]) -> list[Row]:
    try:
        return client.rows("/admin/usage", query, within=_WITHIN)
    except NotFound:
        return []


def _figures(client: Client) -> tuple[int | None, int | None]:
    """Requests in flight but this one, and those that wait."""
    try:
        response = client.open("GET", "/metrics", within=_WITHIN)
        text = response.read().decode("utf-8", "replace")
    except GlowplugError:
        return None, None
    if response.status != 200:
        return None, None
    return max(0, summed(text, "glowplug_requests_in_flight") - 1), summed(text, "glowplug_requests_waiting")


def summed(text: str, metric: str) -> int:
    """The sum of all series of a metric in an exposition."""
    total = 0.0
    for line in text.splitlines():
        name, _, rest = line.partition(" ") if "{" not in line else (*line.partition("{")[:2], line.rpartition(" ")[2])
        if name == metric:
            total += float(rest or 0)
    return round(total)
