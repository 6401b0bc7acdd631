"""What the types of the schema declare, as msgspec tells it, looked up once a process.

Looking it up evaluates every annotation of the schema, which takes longer than all else that reading a file of ordinary
size does.  Classes do not change, and nobody writes to what is given back.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec.inspect as shape


@lru_cache(maxsize=256)
def shape_of(declared: type) -> shape.Type:
    """The fields of a class of the schema, their types and bounds; shared by all who ask."""
    return shape.type_info(declared)
