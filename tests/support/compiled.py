"""Whether the data path under test is the compiled one (`make test-compiled`)."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

import pytest


def compiled() -> bool:
    spec = find_spec("glowplug.gateway.call")
    return spec is not None and (spec.origin or "").endswith(tuple(EXTENSION_SUFFIXES))


interpreted = pytest.mark.skipif(compiled(), reason="stands in for a class, or a name, that is native here")
