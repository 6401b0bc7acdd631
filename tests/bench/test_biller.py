"""The bill has what was reported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench.bill import Billed, Tokens
from bench.biller import first_word, line
from bench.soak import billed, provider

from bench import programs
from glowplug.testing.provider_replies import Behaviour
from glowplug.testing.received import Received


def test_the_bill_has_what_was_reported(tmp_path: Path) -> None:
    file = tmp_path / "bill"
    asked = {"model": "stand-in", "max_tokens": 3, "stream": True, "stream_options": {"include_usage": True},
             "messages": [{"role": "user", "content": "soak0-7 word word"}]}  # fmt: skip
    request = Received(
        number=0, connection=0, method="POST", target="/v1/chat/completions", raw_headers=(),
        body=json.dumps(asked).encode(), keep_alive=True,
    )  # fmt: skip
    file.write_text(line(request, False, Behaviour()) + "\n" + line(request, True, Behaviour()) + "\n")
    bill = Billed(request="soak0-7", tokens=Tokens(3, 3), whole=False)
    assert billed(file) == [bill, replace(bill, whole=True)]
    assert first_word({"messages": [{"content": [{"type": "text", "text": "id more"}]}]}) == "id"


def test_the_provider_writes_a_line_for_each_answer(tmp_path: Path) -> None:
    file = tmp_path / "bill"
    with provider(file, 0.0) as port:
        for model in ("stand-in", "nobody"):
            body = {"model": model, "max_tokens": 2, "messages": [{"role": "user", "content": f"{model}-1 word"}]}
            status, answer = programs.ask(port, "POST", "/v1/chat/completions", body=body)
            assert (status == 200) == (model == "stand-in"), answer
    assert billed(file) == [Billed(request="stand-in-1", tokens=Tokens(2, 2), whole=True)]
