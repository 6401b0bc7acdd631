"""`glowplug doctor`: what is wrong, what would repair it, and doing or undoing that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from glowplug.cli.backup import config_option
from glowplug.cli.command import Verb, common_options, current, dry_run_option
from glowplug.cli.importing_database import address, key_in
from glowplug.cli.output import Column
from glowplug.errors import RequestError

if TYPE_CHECKING:
    from glowplug.cli.output import Output
    from glowplug.doctor.doctor import Doctor
    from glowplug.doctor.site import Foreign
    from glowplug.domain.finding import Examination, Looked
    from glowplug.secret import Secret

EXIT_HEALTHY = 0
EXIT_FINDINGS = 1
EXIT_NOT_SEEN = 5
"""Nothing was found, but not everything could be looked at."""
_SECTIONS = ("model_list:", "litellm_settings:", "general_settings:", "router_settings:")
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}


@click.command("doctor", cls=Verb)
@click.argument("checks", nargs=-1, metavar="[CHECK]...")
@click.option("--list", "as_list", is_flag=True, help="Say which checks there are.")
@click.option("--fix", is_flag=True, help="Repair what has a remedy, of the checks that are named or of all.")
@click.option("--undo", "undo_id", metavar="ID", help="Put back what a repair changed; `list` shows the repairs.")
@click.option("--slow", is_flag=True, help="Also the checks that take long.")
@click.option(
    "--litellm",
    "named",
    multiple=True,
    metavar="URL",
    help="Examine a LiteLLM too: its database (postgresql://…, or env:NAME), or where it runs (http://…); may be both.",
)
@click.option("--litellm-key-file", "url_key", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="File with an admin's key of a LiteLLM that runs; else LITELLM_MASTER_KEY.")  # fmt: skip
@click.option("--litellm-config", "litellm_config", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              metavar="FILE", help="LiteLLM's config.yaml.")  # fmt: skip
@click.option("--salt-key-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="File with the key that LiteLLM's values are sealed with.")  # fmt: skip
@click.option("--previous-key-file", "previous", type=click.Path(path_type=Path, dir_okay=False), multiple=True,
              metavar="FILE", help="File with a key that they were sealed with before; may be repeated.")  # fmt: skip
@click.option("--releases", default="", metavar="URL", envvar="GLOWPLUG_RELEASES",
              help="Ask this package index (https://…/simple/) for newer releases [GLOWPLUG_RELEASES].")  # fmt: skip
@config_option
@dry_run_option
@common_options
def doctor(
    checks: tuple[str, ...],
    as_list: bool,
    fix: bool,
    undo_id: str | None,
    slow: bool,
    named: tuple[str, ...],
    url_key: Path | None,
    litellm_config: Path | None,
    salt_key_file: Path | None,
    previous: tuple[Path, ...],
    releases: str,
    config_path: Path | None,
    dry_run: bool,
) -> None:
    """Look for everything that is known to go wrong, and show how it would be repaired.

    CHECK is a check or a group of them (--list).  Nothing is changed without --fix; --fix --dry-run shows every step.
    What is repaired is kept first, and --undo puts it back byte for byte.

    \b
    Exit codes:
      0  healthy: nothing but notes was found
      1  something was found, or a repair failed
      5  nothing was found, but a check could not look

    \b
    Examples:
      glowplug doctor
      glowplug doctor machine --fix --dry-run
      glowplug doctor machine-secret-files --fix
      glowplug doctor --litellm postgresql://litellm@localhost/litellm --config config.yaml --salt-key-file salt.key
      glowplug doctor --litellm http://localhost:4000 --litellm-key-file master.key
    """
    from glowplug.offline import doctor as doctor_of

    session = current()
    if session.url:
        raise RequestError("the doctor looks at this machine", hint="leave --url out")
    if named and config_path is not None and litellm_config is None and is_litellms(config_path):
        litellm_config, config_path = config_path, None
    keys = tuple(key_in(path) for path in (*([salt_key_file] if salt_key_file else []), *previous))
    foreign = foreign_of(named, litellm_config, keys, url_key) if named or litellm_config else None
    asked = doctor_of(session.state_dir, config_path, foreign, releases)
    if as_list:
        _list(session.output, asked)
        return
    if undo_id is not None:
        _undo(session.output, asked, undo_id)
        return
    visit = asked.repair if fix and not dry_run else asked.examine
    found = visit(checks, slow=slow, progress=session.output.progress)
    session.output.clear()
    if session.output.as_json:
        session.output.document(msgspec.to_builtins(found))
    else:
        _show(session.output, found, preview=fix and dry_run)
    click.get_current_context().exit(exit_code(found))


def foreign_of(named: tuple[str, ...], config: Path | None, keys: tuple[Secret, ...], url_key: Path | None) -> Foreign:
    """The LiteLLM to be examined, by what was said of it.  Raises RequestError."""
    from glowplug.doctor.site import Foreign
    from glowplug.secret import Secret

    found = [address(one) for one in named]
    servers = [one.reveal() for one in found if one.reveal().startswith(("http://", "https://"))]
    databases = [one for one in found if one.reveal() not in servers]
    if len(servers) > 1 or len(databases) > 1:
        raise RequestError("one LiteLLM at a time", hint="give --litellm once for its database, once for its port")
    given = os.environ.get("LITELLM_MASTER_KEY", "")
    key = key_in(url_key) if url_key is not None else Secret(given) if given and servers else None
    return Foreign(
        database=databases[0] if databases else None, config=config, keys=keys,
        url=servers[0] if servers else None, url_key=key,
    )  # fmt: skip


def is_litellms(path: Path) -> bool:
    """Whether a configuration file has LiteLLM's sections; what cannot be read has none."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return False
    return any(line.startswith(_SECTIONS) for line in text.splitlines())


def exit_code(found: Examination) -> int:
    """What the end of the command says of an examination."""
    if any(finding.severity != "note" for finding in found.findings) or any(one.failed for one in found.repaired):
        return EXIT_FINDINGS
    return EXIT_NOT_SEEN if any(looked.could_not for looked in found.checks) else EXIT_HEALTHY


def _list(output: Output, asked: Doctor) -> None:
    checks = asked.checks()
    if output.as_json:
        output.document({"data": msgspec.to_builtins(checks)})
        return
    columns = (Column("CHECK"), Column("GROUP"), Column(""), Column("MAKES SURE THAT"))
    output.table(columns, [[c.name, c.group.value, "slow" if c.slow else "", c.title] for c in checks])


def _undo(output: Output, asked: Doctor, record_id: str) -> None:
    if record_id == "list":
        repairs = asked.repairs()
        if output.as_json:
            output.document({"data": msgspec.to_builtins(repairs)})
        elif not repairs:
            output.note("nothing has been repaired yet")
        else:
            rows = [[r.id, r.check, str(r.changes), "undone" if r.undone_at else ""] for r in repairs]
            output.table((Column("ID"), Column("CHECK"), Column("CHANGES", right=True), Column("")), rows)
        return
    try:
        undone = asked.undo(record_id)
    except OSError as error:
        raise RequestError(f"it could not be undone: {error}", hint="what was undone stays so; try again") from None
    if output.as_json:
        output.document({"id": record_id, "undone": list(undone)})
        return
    for line in undone:
        output.line(f"undone: {line}")
    if not undone:
        output.note("everything was as before already")


def _show(output: Output, found: Examination, *, preview: bool) -> None:
    for looked in found.checks:
        _show_one(output, looked, preview=preview)
    for repaired in found.repaired:
        for step in repaired.done:
            output.line(output.style("repaired", "green") + f"  {step}")
        if repaired.failed:
            output.line(output.style("failed", "red") + f"    {repaired.check}: {repaired.failed}; nothing was changed")
        if repaired.undo:
            output.line(f"          to undo: glowplug doctor --undo {repaired.undo}")
    counts = {name: sum(f.severity == name for f in found.findings) for name in _COLOURS}
    said = ", ".join(f"{count} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count)
    blind = sum(bool(looked.could_not) for looked in found.checks)
    more = f"; {blind} could not look" if blind else ""
    output.note(f"{len(found.checks)} checks: {said or 'nothing found'}{more}")
    if any(looked.remedy for looked in found.checks) and not preview and not found.repaired:
        output.note("`glowplug doctor --fix --dry-run` shows the repairs, `--fix` carries them out")


def _show_one(output: Output, looked: Looked, *, preview: bool) -> None:
    if looked.could_not:
        output.line(output.style("?", "yellow") + f" {looked.check}: could not look, because {looked.could_not}")
        return
    for finding in looked.findings:
        mark = output.style(f"{finding.severity:7}", _COLOURS[finding.severity])
        output.line(f"{mark} {finding.subject} {finding.summary}  [{finding.check}]")
        for line in finding.evidence:
            output.line(f"          {line}")
        if finding.consequence:
            output.line(f"          {finding.consequence}")
        if finding.advice:
            output.line(f"          → {finding.advice}")
    if looked.remedy is not None and preview:
        for step in looked.remedy.steps:
            output.line(output.style("would", "cyan") + f"   {step.says}")
            for line in step.diff.splitlines():
                output.line(f"          {line}")
        if looked.remedy.goes_on:
            output.line("          and on in parts like this one, each of which can be undone, until nothing is left")
        if looked.remedy.risk:
            output.line(f"          risk: {looked.remedy.risk}")
