"""`glowplug restore`: a backup in the place of what is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from glowplug.cli.backup import config_option
from glowplug.cli.command import Verb, common_options, current, dry_run_option
from glowplug.cli.moments import count
from glowplug.errors import RequestError

if TYPE_CHECKING:
    from glowplug.usecases.backup import Restored


@click.command("restore", cls=Verb)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@dry_run_option
@common_options
def restore(file: Path, config_path: Path | None, dry_run: bool) -> None:
    """Put the backup FILE in the place of what is there, which is kept.  Refused while something runs there.

    The backup is read to its end before anything is touched, and what was written is compared with it.  It may come
    from either kind of database, and from an older release.

    \b
    Examples:
      glowplug restore --dry-run monday.glowplug
      glowplug restore monday.glowplug
    """
    from glowplug.offline import restore as put_back
    from glowplug.usecases.backup import Restored, check

    session = current()
    if session.url:
        raise RequestError("a backup is restored where the database is", hint="leave --url out")
    if dry_run:
        _tell(f"{file} can be restored", Restored(check(file)), True)
        return
    done = put_back(config_path, session.state_dir, file)
    _tell(f"{file} was restored into {done.into}", done, False)


def _tell(what: str, done: Restored, dry_run: bool) -> None:
    output = current().output
    manifest, kept = done.manifest, [str(path) for path in done.kept]
    if output.as_json:
        output.document(
            {"dry_run": dry_run, "into": done.into, "kept": kept, "manifest": msgspec.to_builtins(manifest)}
        )
        return
    output.line(f"{what}: {count(manifest.rows)} rows of Glowplug {manifest.version}, schema {manifest.revision}")
    for path in kept:
        output.note(f"what was there is kept: {path}")
