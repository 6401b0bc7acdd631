"""`glowplug memory`: who holds the memory of this machine's devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.output import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glowplug.cli.client import Client, Row
    from glowplug.cli.output import Output

COLUMNS = (
    Column("DEVICE"),
    Column("NAME"),
    Column("TOTAL", right=True),
    Column("MODELS", right=True),
    Column("LEASES", right=True),
    Column("OTHERS", right=True),
    Column("RESERVE", right=True),
    Column("FREE", right=True, paint=lambda text: "red" if text == "0 B" else ""),
)
_HOLDERS = (Column("DEVICE"), Column("KIND"), Column("HELD BY"), Column("MEMORY", right=True))
_MOST_NAMES = 5


@click.command("memory", cls=Verb)
@common_options
def memory() -> None:
    """Show each device's memory and who holds it.

    MODELS is what loaded models were given, LEASES what was lent to other programs with `glowplug lease`, OTHERS what
    programs hold that Glowplug does not know.  FREE is what a model could be given now: the reserve is taken off.

    \b
    Examples:
      glowplug memory
      glowplug memory --json
    """
    session = current()
    answer = session.client().call("GET", "/admin/memory")
    output = session.output
    if output.as_json:
        output.document(answer)
        return
    devices = rows_of(answer)
    if not devices:
        output.note("no device can be read")
    else:
        table(output, devices)
    if rows := holders(devices):
        output.line("")
        output.table(_HOLDERS, rows)
    for problem in answer.get("problems") or ():
        output.note(str(problem))


def devices_of(client: Client) -> list[Row] | None:
    """The devices of the server, or None where it does not keep books over memory."""
    from glowplug.errors import NotFound

    try:
        return rows_of(client.call("GET", "/admin/memory", within=10.0))
    except NotFound:
        return None


def rows_of(answer: Any) -> list[Row]:
    """The devices in an answer."""
    found = answer.get("data") if isinstance(answer, dict) else None
    return [row for row in found or () if isinstance(row, dict)]


def table(output: Output, devices: Sequence[Row]) -> None:
    """One line a device, and below the table what other programs hold and what cannot be read."""
    output.table(COLUMNS, [cells(device) for device in devices])
    for device in devices:
        names = [str(name) for name in device.get("other_names") or ()]
        if names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            output.note(f"{device.get('id')}: others are {', '.join(names[:_MOST_NAMES])}{more}")
        if device.get("problem"):
            output.note(f"{device.get('id')}: {device['problem']}")


def cells(device: Row) -> list[str]:
    """One row of the table from one DeviceView."""
    return [
        str(device.get("id") or ""),
        str(device.get("name") or ""),
        size(device.get("total")),
        size(sum((device.get("ours") or {}).values())),
        size(sum((device.get("leases") or {}).values())),
        size(device.get("others")),
        size(device.get("reserve") or 0),
        size(device.get("free")),
    ]


def holders(devices: Sequence[Row]) -> list[list[str]]:
    """A row for each model and each lease on each device."""
    return [
        [str(device.get("id") or ""), kind, str(name), size(count)]
        for device in devices
        for kind, member in (("model", "ours"), ("lease", "leases"))
        for name, count in (device.get(member) or {}).items()
    ]


def size(count: float | None) -> str:
    """Bytes for people; empty when unknown."""
    from glowplug.units import format_size

    return "" if count is None else format_size(int(count))


def by_device(claim: Any) -> str:
    """`6.2 GiB of gpu0 and 1 GiB of host`; empty for nothing."""
    parts = [f"{size(count)} of {device}" for device, count in (claim or {}).items() if count]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
