"""The worker's end of the link, against a scripted control process on a real socket."""

from __future__ import annotations

import asyncio

from glowplug.domain.instance import Endpoint
from glowplug.domain.route_plan import RouteQuestion
from glowplug.gateway.link import ControlLink
from glowplug.gateway.plane import Plane
from glowplug.wire import link
from tests.gateway.live import Control, Live, Run
from tests.gateway.rig import (
    snapshot,
)
from tests.waiting import until


def test_the_link_lives_through_a_restart_of_control(live: Run) -> None:
    async def test(live: Live) -> None:
        path = str(live.folder / "link.sock")
        snapshots = []
        control_link = ControlLink(live.loop, path, "w0", 7, lambda: snapshots.append(1))
        plane = live.plane = Plane(live.loop, control_link, live.journal, live.control)
        control_link.bind(plane)
        control_link.start()
        place = Endpoint(instance="i1", model="local", host="127.0.0.1", port=1, key="k")
        control = Control()
        await control_link.absent.wait()
        await control.start(path)
        assert await control.got.get() == link.Hello("w0", 7)
        control.say(link.SetSnapshot(snapshot()), link.Granted(place))
        await until(lambda: bool(plane.grants.instances))
        assert snapshots == [1]
        assert plane.control_connected
        key = next(iter(plane.tables.keys.values()))
        key.agents[b"curl/8\x1b" + b"x" * 300] = 5.0
        met = link.Met(key.route.id, "curl/8?" + "x" * 193, 5.0)
        plane.tables.met(key.route.id, *next(iter(key.agents.items())))
        assert await control.got.get() == met
        await control.stop(path)
        await until(lambda: not control_link.connected)
        assert plane.tables.ready, "it goes on from what it has"
        again = Control()
        await again.start(path)
        assert await again.got.get() == link.Hello("w0", 7, link.PROTOCOL, (link.Held(place, 0),))
        assert await again.got.get() == met, "a control process that is new is told who came"
        again.say(link.Revoked("i1"))
        assert await again.got.get() == link.Drained("i1")
        again.writers[-1].write(b"\xff\xff\xff\xff garbage")
        assert await again.got.get() == link.Hello("w0", 7), (
            "what cannot be read ends the connection, and a new one is made"
        )
        control_link.close()
        await again.stop(path)

    live(test)


def test_a_control_that_hangs_up_is_not_asked_without_a_pause(live: Run) -> None:
    async def test(live: Live) -> None:
        path = str(live.folder / "link.sock")
        asked: list[float] = []
        enough = asyncio.Event()

        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(live.loop.time())
            writer.transport.abort()
            if len(asked) == 4:
                enough.set()

        server = await asyncio.start_unix_server(hang_up, path)
        control_link = ControlLink(live.loop, path, "w0", 7, lambda: None)
        control_link.bind(live.plane)
        control_link.start()
        await enough.wait()
        # 0.02, 0.05 and 0.05 s: however busy the machine is, it cannot be sooner.
        assert asked[3] - asked[0] >= 0.11
        control_link.close()
        server.close()

    live(test)


def test_what_would_happen_is_said_over_the_link(live: Run) -> None:
    async def test(live: Live) -> None:
        path = str(live.folder / "link.sock")
        control_link = ControlLink(live.loop, path, "w0", 7, lambda: None)
        control_link.bind(live.plane)
        control = Control()
        await control.start(path)
        control_link.start()
        assert await control.got.get() == link.Hello("w0", 7)
        control.say(
            link.SetSnapshot(snapshot()),
            link.Explain(1, RouteQuestion(model="both", key="user")),
            link.Explain(2, RouteQuestion(model="bath", key="user")),
        )
        good, bad = await control.got.get(), await control.got.get()
        assert isinstance(good, link.Explained)
        assert good.plan is not None
        assert (good.ask, good.plan.first) == (1, "cloud")
        assert isinstance(bad, link.Explained)
        assert bad.unexplained is not None
        assert (bad.ask, bad.plan, bad.unexplained.hint) == (2, None, "did you mean both?")
        control_link.close()
        await control.stop(path)

    live(test)
