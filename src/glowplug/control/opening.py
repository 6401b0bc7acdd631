"""Opening the database when the control process starts, also while its server is away.

`glowplug up` has opened it before, so a server that is away now was lost meanwhile: whoever waits here was started
again, workers go on from the picture they have, and their journal keeps what they use.
"""

from __future__ import annotations

import asyncio
import logging

from glowplug.errors import STORE_AWAY, StoreError
from glowplug.store.database import Database

_log = logging.getLogger(__name__)


async def open_patiently(database: Database, pause: float = 1.0) -> None:
    """Open it, trying again every `pause` seconds while nobody answers there.  Raises StoreError for all else."""
    said = ""
    while True:
        try:
            await database.open_async()
        except StoreError as error:
            if error.code != STORE_AWAY:
                raise
            if str(error) != said:
                _log.error("%s; it is tried again until it can be, and what is used meanwhile is kept", error)
            said = str(error)
            await asyncio.sleep(pause)
        else:
            if said:
                _log.warning("the database can be used again")
            return
