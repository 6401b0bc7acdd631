"""Everybody's first event is timed, and who answers otherwise than was meant is no answer."""

from __future__ import annotations

import shutil
import socket
import threading
import time

import pytest
from bench.crowd import Crowd
from bench.programs import BenchError, Pinning, Upstream, build

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None or shutil.which("make") is None,
    reason="no C compiler: the benchmark's programs are NOT tested (apt-get install gcc make)",
)


@needs_compiler
def test_every_answer_is_heard_on_connections_that_are_kept() -> None:
    build()
    upstream = Upstream(Pinning([0]), events=2, gap_us=1, model="m", first_us=2000)
    try:
        crowd = Crowd(upstream.port, "sk-any", 3)
        for _ in range(2):
            began = time.monotonic()
            crowd.ask("m")
            moments = crowd.answers("x-request-id: req_bench")
            assert len(moments) == 3
            assert moments == sorted(moments)
            assert moments[0] - began > 0.001, "the upstream takes that long"
        crowd.ask("m")
        with pytest.raises(BenchError, match="answered otherwise"):
            crowd.answers("x-glowplug-model: m")
        crowd.close()
    finally:
        upstream.close()


def test_a_connection_that_ends_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        one = threading.Thread(target=hang_up)
        one.start()
        crowd = Crowd(server.getsockname()[1], "sk-any", 1)
        crowd.ask("m")
        with pytest.raises(BenchError, match="ended in an answer"):
            crowd.answers()
        crowd.close()
        one.join()
