"""`glowplug run`: ask a model once, or chat with it."""

from __future__ import annotations

import sys
from math import sqrt
from typing import TYPE_CHECKING, Any, TextIO

import click

from glowplug.cli.command import Session, Verb, any_model, common_options, current
from glowplug.errors import RequestError, UpstreamError

if TYPE_CHECKING:
    from glowplug.cli.client import Client
    from glowplug.cli.output import Output
    from glowplug.cli.stream import Ways

_SHOWN_NUMBERS = 8


@click.command("run", cls=Verb)
@any_model
@click.argument("prompt", nargs=-1)
@click.option("--system", metavar="TEXT", help="Instructions in front of the conversation.")
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Longest answer, in tokens.")
@click.option("--temperature", type=click.FloatRange(0), metavar="T", help="0 is steady, 1 is lively.")
@click.option("--no-stats", is_flag=True, help="Leave out the last line with tokens and speed.")
@common_options
def run(
    model: str,
    prompt: tuple[str, ...],
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
    no_stats: bool,
) -> None:
    """Ask a model; the answer comes as it is made.

    The prompt is taken from the command line, else from stdin when something is piped in.  On a terminal without a
    prompt it becomes a chat.  For an embedding model the vector is summed up (whole with --json).

    \b
    Examples:
      glowplug run chat-default "Why is the sky blue?"
      git diff | glowplug run chat-default --system "Write a commit message for this change."
      glowplug run chat-default
      glowplug run embeddings-default "a sentence" --json
    """
    from glowplug.cli import stream

    session = current()
    text = prompt_text(prompt, sys.stdin)
    client = session.client()
    can = stream.capabilities(client, model)
    if can and "chat" not in can and "completions" not in can:
        if text is None:
            raise click.UsageError(f"{model} makes embeddings; give it a text", click.get_current_context())
        _embed(session, client, model, text)
        return
    settings: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    settings |= {"max_tokens": max_tokens} if max_tokens is not None else {}
    settings |= {"temperature": temperature} if temperature is not None else {}
    history = [{"role": "system", "content": system}] if system else []
    if text is None:
        _chat(session, client, settings, history, stats=not no_stats)
    elif can and "chat" not in can:
        _once(session, client, "/v1/completions", settings | {"prompt": text}, stats=not no_stats)
    else:
        body = settings | {"messages": [*history, {"role": "user", "content": text}]}
        try:
            _once(session, client, "/v1/chat/completions", body, stats=not no_stats)
        except RequestError as error:
            if can or error.code != "wrong_endpoint":
                raise
            _embed(session, client, model, text)  # a user's key is not told beforehand what a model can do


def prompt_text(words: tuple[str, ...], stdin: TextIO) -> str | None:
    """The prompt from the arguments, else from a pipe; None on a terminal.  Raises a usage error when it is empty."""
    if words:
        text = " ".join(words)
    elif stdin.isatty():
        return None
    else:
        text = stdin.read()
    if not text.strip():
        raise click.UsageError("the prompt is empty", click.get_current_context())
    return text


def ways_of(output: Output) -> Ways:
    """A generation on this output: text to stdout as it comes, reasoning only where a person looks on."""
    from glowplug.cli.stream import Ways

    quiet = output.as_json

    def show(piece: str) -> None:
        if not quiet:
            output.write(piece)

    def think(piece: str) -> None:
        if output.terminal and output.color and not quiet:
            output.thought(piece)

    return Ways(show, think, output.progress)


def _once(session: Session, client: Client, path: str, body: dict[str, Any], *, stats: bool) -> None:
    from glowplug.cli.stream import generate

    output = session.output
    result = generate(client, path, body, ways_of(output))
    if output.as_json:
        rate = result.rate
        output.document(
            {
                "text": result.text,
                "model": result.model,
                "reason": result.reason,
                "prompt_tokens": result.prompt_tokens,
                "completion_tokens": result.completion_tokens,
                "first_token_seconds": None if result.first is None else round(result.first, 4),
                "seconds": round(result.total, 4),
                "tokens_per_second": None if rate is None else round(rate, 2),
            }
        )
        return
    if not result.text.endswith("\n"):
        output.line("")
    if stats:
        output.note(result.stats())


def _chat(
    session: Session, client: Client, settings: dict[str, Any], history: list[dict[str, str]], *, stats: bool
) -> None:
    if session.as_json:
        raise click.UsageError("--json needs a prompt", click.get_current_context())
    from glowplug.cli.chat import Chat

    Chat(client, session.output, settings, history, stats=stats).loop()


def _embed(session: Session, client: Client, model: str, text: str) -> None:
    output = session.output
    output.progress(f"{model}: waiting")
    answer = client.call("POST", "/v1/embeddings", {"model": model, "input": text}, silence=900.0)
    try:
        vector = [float(number) for number in answer["data"][0]["embedding"]]
    except (KeyError, IndexError, TypeError, ValueError):
        raise UpstreamError(f"{model} answered without a vector", hint="is it an embedding model?") from None
    length = sqrt(sum(number * number for number in vector))
    tokens = (answer.get("usage") or {}).get("prompt_tokens")
    if output.as_json:
        output.document(
            {
                "model": answer.get("model") or model,
                "dimensions": len(vector),
                "length": length,
                "prompt_tokens": tokens,
                "embedding": vector,
            }
        )
        return
    shown = " ".join(f"{number:+.4f}" for number in vector[:_SHOWN_NUMBERS])
    more = " …" if len(vector) > _SHOWN_NUMBERS else ""
    output.line(f"{len(vector)} dimensions, length {length:.3f}: {shown}{more}")
