"""The conversation of `glowplug run MODEL` on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from glowplug.cli.run import ways_of
from glowplug.cli.stream import generate
from glowplug.errors import GlowplugError

if TYPE_CHECKING:
    from glowplug.cli.client import Client
    from glowplug.cli.output import Output

_PROMPT = ">>> "
_MORE = "... "
_QUOTES = '"""'
_HELP = f"""/clear   forget the conversation
/bye     leave (also Ctrl-D)
{_QUOTES}      begins and ends a message of several lines
Ctrl-C   stops an answer"""


class Chat:
    """Reads messages, shows answers, remembers both."""

    def __init__(
        self,
        client: Client,
        output: Output,
        settings: dict[str, Any],
        history: list[dict[str, str]],
        *,
        stats: bool,
        read: Callable[[str], str] = input,
    ) -> None:
        self._client = client
        self._output = output
        self._settings = settings
        self._opening = list(history)
        self._history = list(history)
        self._stats = stats
        self._read = read

    def loop(self) -> None:
        """Go on until /bye or the end of the input."""
        with suppress(ImportError):
            import readline  # noqa: F401 - importing it gives input() editing and history

        self._output.note(f"chatting with {self._settings['model']}; /? for help, /bye to leave")
        while True:
            try:
                message = self._message()
            except EOFError:
                self._output.line("")
                return
            if message == "/bye":
                return
            if message == "/clear":
                self._history = list(self._opening)
                self._output.note("forgotten")
            elif message in ("/?", "/help"):
                self._output.note(_HELP)
            elif message:
                self._answer(message)

    def _message(self) -> str:
        message = self._read(_PROMPT)
        if not message.lstrip().startswith(_QUOTES):
            return message.strip()
        message = message.lstrip()[len(_QUOTES) :]
        while not message.rstrip().endswith(_QUOTES):
            message += "\n" + self._read(_MORE)
        return message.rstrip()[: -len(_QUOTES)].strip()

    def _answer(self, message: str) -> None:
        """Ask; a failed or interrupted turn is taken out of the conversation and the conversation goes on."""
        asked = [*self._history, {"role": "user", "content": message}]
        try:
            body = self._settings | {"messages": asked}
            result = generate(self._client, "/v1/chat/completions", body, ways_of(self._output))
        except KeyboardInterrupt:
            self._output.line("")
            self._output.note("stopped; that turn is forgotten")
            return
        except GlowplugError as error:
            self._output.line("")
            self._output.error(error)
            return
        self._history = [*asked, {"role": "assistant", "content": result.text}]
        self._output.line("")
        if self._stats:
            self._output.note(result.stats())
