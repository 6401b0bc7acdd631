"""A provider that writes its own bill: `python -m bench.biller FILE [--event-gap S]`.

It is `glowplug.testing.fake_provider`, and appends one line of JSON to FILE for every request it has answered: the
first word of the last message, by which the client knows the request; the usage that was reported for it; and whether
the answer was taken to its end.  Nothing of Glowplug's ledger is in it, so that the two can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from glowplug.testing.fake_provider import FakeProvider
from glowplug.testing.provider_replies import Behaviour, reply_to
from glowplug.testing.received import Received

MODEL = "stand-in"


def first_word(body: Any) -> str:
    """By which the client knows its request again; empty where there is no such word."""
    content = body["messages"][-1]["content"]
    if isinstance(content, list):
        content = content[0]["text"]
    return str(content).partition(" ")[0]


def line(request: Received, whole: bool, behaviour: Behaviour) -> str:
    """One line of the bill.  A stream costs what the same words cost in one piece."""
    asked = {name: value for name, value in request.json.items() if not name.startswith("stream")}
    body, _ = reply_to(request.path, asked, replace(behaviour, usage=True))
    usage = body["usage"]
    return json.dumps(
        {
            "request": first_word(asked),
            "prompt_tokens": usage["prompt_tokens"],
            "completion_tokens": usage["completion_tokens"],
            "whole": whole,
        }
    )


async def serve(bill: Path, behaviour: Behaviour) -> None:
    """Until SIGTERM; the port stands on standard output once it listens."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with bill.open("a", buffering=1) as out:

        def answered(request: Received, whole: bool) -> None:
            out.write(line(request, whole, behaviour) + "\n")

        async with FakeProvider(behaviour=behaviour, answered=answered) as provider:
            print(json.dumps({"port": provider.port}), flush=True)
            await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.biller", description="A provider that writes its own bill.")
    parser.add_argument("bill", type=Path, help="where to write it")
    parser.add_argument("--event-gap", type=float, default=0.0, metavar="S", help="seconds before each stream event")
    options = parser.parse_args()
    asyncio.run(serve(options.bill, Behaviour(models=(MODEL,), event_gap=options.event_gap)))


if __name__ == "__main__":
    main()
