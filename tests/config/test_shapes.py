from __future__ import annotations

from collections.abc import Callable

import msgspec.inspect as shape

from glowplug.config.load import Loaded
from glowplug.config.masked import masked
from glowplug.config.schema import Config
from glowplug.config.schema_models import Model
from glowplug.config.shapes import shape_of
from glowplug.errors import Problem

FILE = """\
server: {port: 4001}
providers: {lab: {base_url: "http://127.0.0.1:9/v1", api_key: "${KEY}"}}
models: {a: {engine: llamacpp, path: m.gguf, keep_alive: 30m}, b: {provider: lab, id: x}}
"""


def test_it_is_what_msgspec_says_and_looked_up_once() -> None:
    assert shape_of(Model) == shape.type_info(Model) != shape_of(Config)
    assert shape_of(Model) is shape_of(Model)


def test_nobody_writes_to_it(load_text: Callable[..., Loaded], problems_of: Callable[..., list[Problem]]) -> None:
    load_text(FILE, KEY="k", GLOWPLUG_SERVER__PORT="4002").shown()
    problems_of(FILE.replace("a: {", "a: {surplus: 3, "), KEY="k")
    masked(FILE)
    assert shape_of(Config) == shape.type_info(Config)
