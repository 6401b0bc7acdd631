from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from glowplug.cli.chat import Chat
from glowplug.cli.client import Address, Client
from glowplug.cli.output import Output
from tests.cli.conftest import install
from tests.cli.fake_server import USER, FakeServer, Running


def typed(*lines: str) -> Callable[[str], str]:
    left = list(lines)

    def read(_: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    return read


def chat(running: Running, *lines: str, model: str = "chat-default", system: str = "") -> tuple[str, str]:
    output = Output(as_json=False, stdout=io.StringIO(), stderr=io.StringIO())
    history = [{"role": "system", "content": system}] if system else []
    client = Client(Address(running.url, USER))
    Chat(client, output, {"model": model, "stream": True}, history, stats=False, read=typed(*lines)).loop()
    assert isinstance(output.stdout, io.StringIO)
    assert isinstance(output.stderr, io.StringIO)
    return output.stdout.getvalue(), output.stderr.getvalue()


def sent(fake: FakeServer) -> list[list[str]]:
    return [[message["content"] for message in body["messages"]] for _, _, body in fake.seen]


def test_a_conversation_remembers_both_sides(running: Running) -> None:
    out, _ = chat(running, "one", "", "two", system="be brief")
    assert out == "You said: one\nYou said: two\n\n"
    assert sent(running.fake) == [["be brief", "one"], ["be brief", "one", "You said: one", "two"]]


def test_a_conversation_can_be_forgotten(running: Running) -> None:
    _, err = chat(running, "one", "/clear", "/?", "two", "/bye", "three", system="be brief")
    assert "forgotten" in err
    assert "Ctrl-C" in err
    assert sent(running.fake) == [["be brief", "one"], ["be brief", "two"]]


def test_messages_of_several_lines(running: Running) -> None:
    chat(running, '"""one', "two", 'three"""', '"""four"""')
    assert sent(running.fake)[0] == ["one\ntwo\nthree"]
    assert sent(running.fake)[1][-1] == "four"


@pytest.mark.parametrize("model", ["chat-breaks", "chat-unknown"])
def test_a_failed_turn_is_taken_out_and_the_conversation_goes_on(running: Running, model: str) -> None:
    _, err = chat(running, "one", "two", model=model)
    assert err.count("glowplug: ") == 2
    assert sent(running.fake) == [["one"], ["two"]]


def test_ctrl_c_stops_one_answer(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glowplug.cli.chat.generate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    _, err = chat(running, "one")
    assert "that turn is forgotten" in err


def test_on_a_real_terminal(running: Running, tmp_path: Path) -> None:
    state = install(tmp_path / "state", running.url)
    master, slave = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "glowplug", "run", "chat-waiting"],
        env=kept | {"GLOWPLUG_STATE_DIR": str(state), "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    said = b""
    try:
        os.write(master, b"hello\n/bye\n")
        while True:
            try:
                said += os.read(master, 4096)
            except OSError:  # the other side of a pty is gone
                break
        assert process.wait(20) == 0
    finally:
        os.close(master)
        process.kill()
        process.wait()
    text = said.decode()
    assert "chatting with chat-waiting" in text
    assert "You said: hello" in text
    assert "chat-waiting loading 40%" in text  # the progress line, taken away again
    assert re.search(r"3 tokens · .*by chat-a-llamacpp", text)
    assert "Traceback" not in text
