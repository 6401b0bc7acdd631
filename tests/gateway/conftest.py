"""The data plane on the loop it runs on in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from tests.gateway.live import Live, Run, Test
from tests.gateway.rig import Rig


@pytest.fixture(scope="session")
def turned_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that tests without sockets turn by hand."""
    loop = uvloop.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def rig(turned_loop: asyncio.AbstractEventLoop) -> Iterator[Rig]:
    failures: list[dict[str, object]] = []
    turned_loop.set_exception_handler(lambda _, context: failures.append(context))
    rig = Rig(turned_loop)
    yield rig
    for connection in list(rig.plane.connections):
        connection.tr.abort()
    for up in rig.ups:
        up.wire.abort()
    rig.spin()
    assert not failures
    assert not rig.plane.connections
    for call in list(rig.plane.detached):
        call.shut()
    rig.journal.check()
    for target in rig.plane.tables.targets.values():
        assert target.active == 0, f"{target.name} still counts {target.active} attempts"
        assert not target.waiters
    for instance in rig.plane.grants.instances.values():
        assert instance.leases == 0


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.SelectorEventLoop], ids=["uvloop", "asyncio"])
def live(tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    """Runs a test over sockets on the loop of the product, and on the one whose behaviour asyncio documents."""
    new_loop: Callable[[], asyncio.AbstractEventLoop] = request.param

    async def whole(test: Test) -> None:
        live = Live(tmp_path)
        await live.start()
        try:
            await asyncio.wait_for(test(live), 30)
        finally:
            await live.stop()

    def run(test: Test) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(whole(test))

    return run
