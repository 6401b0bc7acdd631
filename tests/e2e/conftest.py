"""Fixtures for tests of the whole: a running installation a module, a stand-in cloud, made-up models.

A test that fails shows the end of the log of every installation that was running.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tools.models.make_fixed import write_fixed_chat, write_loop

from tests.e2e.cloud import Cloud, cloud
from tests.e2e.installation import SOURCE, Installation, installed

RUNNING = pytest.StashKey[list[Installation]]()
Install = Callable[[], Installation]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUNNING] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for installation in item.config.stash[RUNNING]:
            report.sections.append((f"log of glowplug on {installation.state}", installation.tail()))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `chat.gguf` (says one sentence) and `loop.gguf` (counts for ever)."""
    folder = tmp_path_factory.mktemp("weights")
    write_fixed_chat(folder / "chat.gguf")
    write_loop(folder / "loop.gguf")
    return folder


@pytest.fixture(scope="module")
def the_cloud() -> Iterator[Cloud]:
    """A provider with the model `stand-in` and the key `sk-cloud`."""
    with cloud(api_key="sk-cloud") as provider:
        yield provider


def _installations(config: pytest.Config) -> Iterator[Install]:
    with ExitStack() as stack:
        mine = []

        def install() -> Installation:
            state = Path(tempfile.mkdtemp(prefix="gp-"))
            stack.callback(shutil.rmtree, state, ignore_errors=True)
            installation = stack.enter_context(installed(state))
            mine.append(installation)
            config.stash[RUNNING].append(installation)
            return installation

        yield install
        for installation in mine:
            config.stash[RUNNING].remove(installation)


@pytest.fixture(scope="module")
def install_shared(request: pytest.FixtureRequest) -> Iterator[Install]:
    """Makes installations that live as long as the module."""
    yield from _installations(request.config)


@pytest.fixture
def install(request: pytest.FixtureRequest) -> Iterator[Install]:
    """Makes installations that live as long as the test."""
    yield from _installations(request.config)


def engines(kind: str = "fake") -> str:
    """The `engines:` part of a configuration: the fake engine, or llama.cpp itself (`real`)."""
    module = "glowplug.testing.fake_engine" if kind == "fake" else "glowplug.engines.llamacpp_inproc"
    return f"""
engines:
  llamacpp:
    command: [{sys.executable}, -m, {module}]
    env: {{PYTHONPATH: {SOURCE}}}
"""


def provider(the_cloud: Cloud) -> str:
    """The `providers:` part: the stand-in as `cloud`."""
    return f"""
providers:
  cloud: {{base_url: "{the_cloud.base_url}", api_key: sk-cloud}}
"""
