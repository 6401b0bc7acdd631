"""`python -m tools.history seed PLACE [REQUESTS]`, then `python -m tools.history ask PLACE`.

PLACE is a SQLite file that is not there yet, or `postgresql://…` of an empty database.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from glowplug.clock import SystemClock
from glowplug.secret import Secret
from glowplug.store.database import Database
from glowplug.store.places import place_of
from tools.history import asking, making, storing

USUAL = 5_000_000


def main(words: list[str]) -> int:
    """Do it; returns the exit status."""
    if len(words) not in (2, 3) or words[0] not in ("seed", "ask"):
        print(__doc__, file=sys.stderr)
        return 2
    place = words[1]
    url = Secret(place) if "://" in place else None
    database = Database(place_of(url, Path(place)))
    database.open()
    shape = making.Shape(int(words[2]) if len(words) == 3 else USUAL)
    try:
        if words[0] == "seed":
            each = storing.store(database, shape, lambda line: print(line, flush=True))
            print(f"{each:.1f} µs per attempt")
            return 0
        print("| question | first, ms | then, ms | of a processor, ms |\n|---|---|---|---|")
        for one in asyncio.run(asking.measure(asking.questions(database, shape, SystemClock()))):
            print(f"| {one.name} | {one.first:.0f} | {one.usual:.0f} | {one.busy:.0f} |")
        return 0
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
