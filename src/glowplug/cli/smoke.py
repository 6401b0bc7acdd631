"""`glowplug smoke`: does every model do what it promises?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.output import Column
from glowplug.errors import RequestError

if TYPE_CHECKING:
    from glowplug.cli.output import Output
    from glowplug.smoke.report import Result, Run

_COLOURS = {"ok": "green", "doubt": "yellow", "failed": "red", "skipped": "dim"}


@click.command("smoke", cls=Verb)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--all", "everything", is_flag=True, help="Also models of providers, which cost money.")
@click.option(
    "--cold",
    is_flag=True,
    help="Stop each local model first, and see that its memory comes back; those that were loaded are loaded again.",
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write JUnit's XML too.")
@click.option("--against", metavar="URL", help="Ask this OpenAI-compatible server instead; --key is the key there.")
@click.option("--timeout", "seconds", type=click.FloatRange(1), default=300.0, show_default=True, metavar="SECONDS",
              help="Longest time for one answer, the engine's start included.")  # fmt: skip
@common_options
def smoke(
    models: tuple[str, ...], everything: bool, cold: bool, junit: Path | None, against: str | None, seconds: float
) -> None:
    """Ask every model what its type promises, through the public port, as a client would.

    Chat, streamed chat, tools, pictures, embeddings, reranking and transcriptions, each alias and who answers when its
    first target is left out, a wrong key, the page, a login from in to out, metrics.  Without MODEL the models of this
    machine are asked.  Vectors are held against what `dimensions` and `unit_vectors` of their model promise.

    The exit code is 1 when something failed.  A doubt is no failure: the answer is one, but not quite as asked.

    \b
    Examples:
      glowplug smoke
      glowplug smoke chat-default embeddings-default
      glowplug smoke --cold --junit smoke.xml
      glowplug smoke --against http://127.0.0.1:4000 --key sk-1234
    """
    from glowplug.clock import SystemClock
    from glowplug.smoke.asking import HttpServer
    from glowplug.smoke.plan import chosen
    from glowplug.smoke.report import Run
    from glowplug.smoke.report import junit as as_junit
    from glowplug.smoke.run import Smoke

    session = current()
    output = session.output
    if against and cold:
        raise RequestError("a cold start needs the admin API of a Glowplug", hint="leave --cold or --against out")
    if against:
        server = HttpServer(against, session.key or "")
    else:
        address = session.client().address
        server = HttpServer(f"{address.base}", address.key)
    run = Smoke(
        server,
        SystemClock(),
        output.progress,
        ours=not against,
        seconds=seconds,
        keyed=bool(session.key or not against),
    )
    # Of another server it is not known which models cost money, so all are asked.
    wanted = chosen(run.models(), models, everything=everything or bool(against))
    done = Run(server=server.name, results=tuple(run.run(wanted, cold=cold, server=not models)))
    output.clear()
    if junit is not None:
        _write(junit, as_junit(done))
    if output.as_json:
        output.document({**msgspec.to_builtins(done), "failed": done.failed})
    else:
        _show(output, done, asked=bool(wanted))
    if done.failed:
        click.get_current_context().exit(1)


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise RequestError(f"{file} cannot be written: {error.strerror}") from None


def _show(output: Output, run: Run, *, asked: bool) -> None:
    columns = (
        Column("SUBJECT"), Column("CHECK"), Column("", paint=lambda text: _COLOURS.get(text, "")),
        Column("FIRST", right=True), Column("TIME", right=True), Column("WHAT"),
    )  # fmt: skip
    output.table(columns, [_row(result) for result in run.results])
    for result in run.results:
        if result.log:
            output.line("")
            output.line(f"{result.subject}: the end of its engine's log")
            for line in result.log:
                output.line(f"  {line}")
    counts = {name: sum(result.outcome == name for result in run.results) for name in _COLOURS}
    output.note(f"{run.server}: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count))
    if not asked:
        output.note("no model runs on this machine; --all asks those of providers, or name one")


def _row(result: Result) -> list[str]:
    first = f"{result.first:.2f} s" if result.first else ""
    return [
        result.subject, result.check, result.outcome.value, first, f"{result.seconds:.2f} s" if result.seconds else "",
        result.detail,
    ]  # fmt: skip
