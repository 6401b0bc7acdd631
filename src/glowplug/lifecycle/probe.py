"""Asking an engine whether it is there."""

from __future__ import annotations

import asyncio

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine, Readiness, Request, ready_by
from glowplug.lifecycle import asking
from glowplug.lifecycle.asking import AnswerError
from glowplug.lifecycle.ports import OnProbe

TIMEOUT = 2.0


async def ask(endpoint: Endpoint, path: str, limit: float = TIMEOUT) -> tuple[int, bytes]:
    """GET `path` with the launch key; raises as `asking.send` does."""
    return await asking.send(endpoint, Request("GET", path, timeout=limit))


async def look(engine: Engine, model: LocalModel, endpoint: Endpoint, limit: float = TIMEOUT) -> tuple[Readiness, str]:
    """What one probe finds, and details for people.  Never raises; takes at most `limit` seconds.

    Of an instance that a line of its log makes ready only the port can be asked: whether it is still there."""
    try:
        async with asyncio.timeout(limit):
            path = ready_by(engine, model).http
            if not path:
                await asking.reachable(endpoint)
                return Readiness.READY, ""
            status, body = await ask(endpoint, path, limit)
            readiness = engine.read_health(status, body, model)
            if readiness is Readiness.WRONG:
                return readiness, f"{path} answered {status}"
            if readiness is Readiness.READY and engine.identity_path:
                status, body = await ask(endpoint, engine.identity_path, limit)
                if problem := engine.read_identity(status, body, model):
                    return Readiness.WRONG, problem
            return readiness, ""
    except TimeoutError:
        return Readiness.SILENT, f"no answer within {limit:g} s"
    except AnswerError as error:
        return Readiness.WRONG, str(error)
    except OSError as error:
        return Readiness.REFUSED, error.strerror or str(error)


class HttpProber:
    """Probes over real connections, each in a task of its own."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._tasks: set[asyncio.Task[None]] = set()

    def probe(self, engine: Engine, model: LocalModel, endpoint: Endpoint, done: OnProbe) -> None:
        async def run() -> None:
            done(*await look(engine, model, endpoint, self._timeout))

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
