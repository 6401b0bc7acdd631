"""Asking an instance to end, in the way its engine or its model says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from glowplug.domain.instance import Endpoint
from glowplug.engines.base import Stopping
from glowplug.launchers.base import Running
from glowplug.lifecycle import asking
from glowplug.lifecycle.asking import AnswerError

log = logging.getLogger(__name__)

ARGV_TIMEOUT = 10.0
"""Seconds that a program which ends an engine may take before it is killed itself."""


async def ask_to_end(stopping: Stopping, endpoint: Endpoint, running: Running, environment: Mapping[str, str]) -> None:
    """Send its request or run its program; the signal where there is neither, and when that fails or is refused.

    Returns when it has been asked, not when it has ended.  `environment`: what the program gets (see
    `Launcher.environment`).  Raises nothing; when it is cancelled, a program it started is killed.
    """
    if stopping.request is not None:
        failed = await _request(stopping, endpoint)
    elif stopping.argv:
        failed = await _run(stopping.argv, environment)
    else:
        failed = None
    if failed:
        log.warning("%s was asked to end and %s; it gets signal %d", endpoint.model, failed, stopping.signal)
    if failed is None or failed:
        running.terminate(stopping.signal)


async def _request(stopping: Stopping, endpoint: Endpoint) -> str:
    """Empty when it was accepted, else why not.  A server that ends at once may break the connection: it was heard."""
    assert stopping.request is not None
    what = f"{stopping.request.method} {stopping.request.path}"
    try:
        status, _ = await asking.send(endpoint, stopping.request)
    except TimeoutError:
        return f"{what} was not answered within {stopping.request.timeout:g} s"
    except ConnectionResetError:
        return ""
    except (OSError, AnswerError) as error:
        return f"{what} failed: {error}"
    return "" if status < 400 else f"{what} was answered {status}"


async def _run(argv: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """Empty when the program ended with 0, else why not."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        return f"{argv[0]} could not be started: {error.strerror}"
    try:
        async with asyncio.timeout(ARGV_TIMEOUT):
            code = await process.wait()
    except TimeoutError:
        return f"{argv[0]} took longer than {ARGV_TIMEOUT:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return "" if code == 0 else f"{argv[0]} ended with {code}"
