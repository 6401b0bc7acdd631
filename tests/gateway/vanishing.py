"""A client that vanishes: `unshare -rn python -m tests.gateway.vanishing WHAT FOLDER`, in a network of its own.

The client's address becomes one that nothing is sent to, and the client sends nothing: no FIN, no reset.  Prints JSON:
how many seconds later its connection was given up, whether the upstream was freed, how the attempt was recorded.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop

from glowplug.domain.model import OnDisconnect
from glowplug.gateway.connection import ClientConnection
from glowplug.gateway.peers import notice_the_dead
from glowplug.testing.fault_scripts import Mark, Send, Wait
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live
from tests.gateway.rig import STREAM_HEAD, chat, cloud, delta, events, request

CLIENT = "127.0.0.77"
WITHIN = 4.0


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


async def vanish(what: str, folder: Path) -> dict[str, Any]:
    begun = (Send(STREAM_HEAD + events(delta("a"), delta("b"))), Mark("begun"), Wait("more"))
    script = {"silent": (Mark("begun"),), "writing": (*begun, Send(events(delta("c"))))}[what]
    script = (*script, Wait("never"))
    async with FaultUpstream(script) as upstream:
        live = Live(folder)
        listener = socket.create_server(("127.0.0.1", 0))
        notice_the_dead(listener, WITHIN)
        server = await asyncio.get_running_loop().create_server(lambda: ClientConnection(live.plane), sock=listener)
        live.serve(cloud("cloud", upstream.port, on_disconnect=OnDisconnect.CANCEL))
        client = socket.create_connection(listener.getsockname(), source_address=(CLIENT, 0))
        client.sendall(request(chat("cloud", stream=True)))
        await upstream.reached("begun")
        ip("route", "add", "blackhole", CLIENT, "table", "local")
        upstream.let("more")
        began = monotonic()
        while not live.journal.ends and monotonic() - began < 4 * WITHIN:
            await asyncio.sleep(0.02)
        lasted = monotonic() - began
        freed = bool(live.journal.ends) and not live.plane.connections
        if freed:
            await asyncio.wait_for(upstream.ended(1), 5)
        ends = [(str(end.outcome), end.completion_tokens) for end in live.journal.ends]
        server.close()
        await live.plane.drain(0.0)
        return {"lasted": lasted, "freed": freed, "ends": ends}


if __name__ == "__main__":
    ip("link", "set", "lo", "up")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(vanish(sys.argv[1], Path(sys.argv[2])))))
