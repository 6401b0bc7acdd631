"""Every name of llama-swap's configuration has an outcome."""

from __future__ import annotations

import pytest

from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.keys import Table
from glowplug.config.readers.llama_swap import keys

TABLES = [
    ("""healthCheckTimeout logLevel logTimeFormat logToStdout store metricsMaxInMemory captureBuffer ui performance
     startPort sendLoadingState includeAliasesInList globalTTL unloadTimeout macros apiKeys upstream profiles selectors
     models hooks routing peers groups matrix""", keys.TOP),
    ("""cmd cmdStop proxy checkEndpoint env name description ttl unloadTimeout useModelName aliases unlisted filters
     metadata macros concurrencyLimit sendLoadingState timeouts capabilities compat""", keys.MODEL),
    ("stripParams setParams setParamsByID", keys.FILTERS),
    ("connect keepalive responseHeader tlsHandshake idleConn", keys.TIMEOUTS),
    ("in out tools reranker context", keys.CAPABILITIES),
    ("swap exclusive persistent members", keys.GROUP),
    ("proxy apiKey models timeouts filters", keys.PEER),
    ("strategy targets settings name description metadata", keys.SELECTOR),
    ("preload profile", keys.HOOKS),
]  # fmt: skip


@pytest.mark.parametrize(("names", "table"), TABLES)
def test_every_name_has_an_outcome_and_a_reason(names: str, table: Table) -> None:
    assert set(names.split()) - set(table) == set()
    for name, key in table.items():
        assert bool(key.why) is (key.outcome is not Outcome.TAKEN), name
