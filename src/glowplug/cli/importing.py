"""`glowplug import`: what others wrote, put into the configuration of this installation."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Noun, Session, Verb, common_options, current, dry_run_option
from glowplug.cli.config import path_of
from glowplug.errors import RequestError

if TYPE_CHECKING:
    from glowplug.config.readers.foreign import Foreign
    from glowplug.secret import Secret

PATIENCE = 10.0
"""Seconds an Ollama may take for one answer."""

into_option = click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GLOWPLUG_CONFIG",
    metavar="FILE",
    help="Configuration file to write to [GLOWPLUG_CONFIG, else the running server's, else the XDG one].",
)
managed_option = click.option(
    "--managed", is_flag=True, help="Let Glowplug start and stop the local engines that were recognised."
)
verbose_option = click.option("--verbose", "-v", is_flag=True, help="Show every line of the report.")


@click.group("import", cls=Noun)
@common_options
def importing() -> None:
    """Move in: add what LiteLLM, llama-swap or an Ollama have to the configuration.

    Nothing that is in the configuration changes, a copy of it is kept, and doing it again does nothing.

    \b
    Examples:
      glowplug import litellm --config config.yaml --dry-run
      glowplug import llama-swap config.yaml
      glowplug import ollama
    """


@importing.command("litellm", cls=Verb)
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="LiteLLM's config.yaml; what it includes is read too.",
)
@click.option(
    "--database",
    metavar="URL",
    help="Its database, for keys, people, budgets and usage: postgresql://…, or env:NAME for a variable with it.",
)
@click.option(
    "--salt-key-file", type=click.Path(path_type=Path), metavar="FILE", help="A file with its LITELLM_SALT_KEY."
)
@click.option(
    "--previous-key-file",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A file with a key that it had before; may be given several times.",
)
@managed_option
@into_option
@verbose_option
@dry_run_option
@common_options
def import_litellm(
    file: Path | None,
    database: str | None,
    salt_key_file: Path | None,
    previous_key_file: tuple[Path, ...],
    managed: bool,
    into: Path | None,
    verbose: bool,
    dry_run: bool,
) -> None:
    """Import LiteLLM: providers, models, names, fallbacks, limits; secrets are sealed.  With --database also keys
    (they go on working), people, teams, budgets and what was used; no server may run here meanwhile.

    Do it where LiteLLM's environment variables are set, so that what was used keeps its models.

    \b
    Examples:
      glowplug import litellm --config config.yaml --dry-run
      glowplug import litellm --config config.yaml --managed
      glowplug import litellm --config config.yaml --database env:DATABASE_URL --salt-key-file salt.key
    """
    if database is not None:
        from glowplug.cli.importing_database import address, import_database, key_in

        files = [*([salt_key_file] if salt_key_file else []), *previous_key_file]
        import_database(
            current(), file, address(database), [key_in(one) for one in files], file_of(current(), into),
            managed=managed, verbose=verbose, dry_run=dry_run,
        )  # fmt: skip
        return
    if file is None:
        raise RequestError("there is nothing to import from", hint="give --config FILE, --database URL, or both")
    from glowplug.config.foreign_load import Includes, Kind, foreign_text, read_foreign
    from glowplug.providers.catalogue import PROVIDERS

    text = foreign_text(file)
    foreign = read_foreign(Kind.LITELLM, text, file, os.environ, PROVIDERS, Includes(file))
    bring(current(), foreign, into, managed=managed, verbose=verbose, dry_run=dry_run)


@importing.command("llama-swap", cls=Verb)
@click.argument("file", type=click.Path(path_type=Path))
@into_option
@verbose_option
@dry_run_option
@common_options
def import_llama_swap(file: Path, into: Path | None, verbose: bool, dry_run: bool) -> None:
    """Import llama-swap's config.yaml: its models with their commands, names, groups and peers.  Its apiKeys go on
    working, as keys of the role user, where no server runs meanwhile.

    \b
    Examples:
      glowplug import llama-swap config.yaml --dry-run
      glowplug import llama-swap /etc/llama-swap/config.yaml
    """
    from glowplug.config.foreign_load import Kind, foreign_text, read_foreign
    from glowplug.config.readers.llama_swap.reader import LlamaSwap
    from glowplug.providers.catalogue import PROVIDERS

    foreign = read_foreign(Kind.LLAMA_SWAP, foreign_text(file), file, os.environ, PROVIDERS)
    keys = foreign.api_keys if isinstance(foreign, LlamaSwap) else ()
    bring(current(), foreign, into, managed=False, verbose=verbose, dry_run=dry_run, keys=keys)


@importing.command("ollama", cls=Verb)
@click.argument("address", metavar="[URL]", default="http://127.0.0.1:11434")
@into_option
@verbose_option
@dry_run_option
@common_options
def import_ollama(address: str, into: Path | None, verbose: bool, dry_run: bool) -> None:
    """Import the library of a running Ollama: a model each, and their names.

    \b
    Examples:
      glowplug import ollama --dry-run
      glowplug import ollama http://127.0.0.1:11434
    """
    session = current()
    foreign = library(session, address if "://" in address else f"http://{address}")
    bring(session, foreign, into, managed=False, verbose=verbose, dry_run=dry_run)


def library(session: Session, url: str) -> Foreign:
    """What an Ollama has.  Only this machine and its network are asked, and no redirect is followed."""
    from glowplug.cli.discovering import Foreign as Stranger
    from glowplug.config.readers import ollama
    from glowplug.config.readers.local import is_near, usable
    from glowplug.errors import Unavailable, UpstreamError
    from glowplug.providers.catalogue import PROVIDERS

    url = url.rstrip("/")
    if not usable(url) or not is_near(url):
        raise RequestError(
            f"{url[:100]!r} is not an address on this machine or in its network",
            hint="give the address of an Ollama, as http://127.0.0.1:11434",
        )
    client = Stranger(url, {})

    def ask(path: str, body: object = None) -> bytes:
        response = client.open("GET" if body is None else "POST", path, body, silence=PATIENCE, within=PATIENCE)
        answer = response.read()
        if response.status != 200:
            raise UpstreamError(f"{url}{path} answered {response.status}", hint="give the address of an Ollama")
        return answer

    try:
        tags = ask(ollama.TAGS)
    except Unavailable as error:
        raise Unavailable(
            error.message, hint="start it with: ollama serve, or give its address", code=error.code
        ) from None
    names = listed(tags)
    shown = {}
    for number, name in enumerate(names, 1):
        session.output.progress(f"asking {url} for its models: {number} of {len(names)}")
        shown[name] = ask(ollama.SHOW, {"model": name})
    session.output.clear()
    return ollama.read(tags, running=ask(ollama.RUNNING), shown=shown, url=url, env=os.environ, providers=PROVIDERS)


def listed(tags: bytes) -> list[str]:
    """The names in an answer of `/api/tags`; none when it is no such answer, which the reader then says."""
    import json

    try:
        models = json.loads(tags)["models"]
        return [str(model.get("model") or model["name"]) for model in models]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def bring(
    session: Session,
    foreign: Foreign,
    into: Path | None,
    *,
    managed: bool,
    verbose: bool,
    dry_run: bool,
    keys: Sequence[Secret] = (),
) -> None:
    """Put it there and report.  Secrets go first: a server that reads the file finds them.  `keys`: of its clients."""
    from glowplug.cli.importing_keys import keep_keys
    from glowplug.cli.moving_report import report, text
    from glowplug.engines.catalogue import Catalogue
    from glowplug.moving.place import Target
    from glowplug.providers.catalogue import PROVIDERS

    if not foreign.document and not foreign.notes:
        raise RequestError(f"{foreign.source} has nothing in it that could be imported", hint="check the path")
    target = Target(file_of(session, into), Catalogue(), PROVIDERS, os.environ)
    now = time.time()
    planned = target.place(foreign, now=now, managed=managed, dry_run=True)
    needed = {name: value for name, value in foreign.secrets.items() if name in planned.loaded.secret_uses()}
    secrets = keep(session, needed, dry_run=dry_run)
    done = planned if dry_run else target.place(foreign, now=now, managed=managed)
    told = report(foreign, done, secrets, target.engines, dry_run=dry_run, managed=managed)
    clients = keep_keys(session, keys, foreign.source, target.path, dry_run=dry_run)
    told["notes"] = [*told["notes"], *clients.pop("notes")]
    told |= {"keys": clients, "changed": told["changed"] or clients["new"] > 0}
    output = session.output
    if output.as_json:
        output.document(told)
        return
    for line in text(told, verbose=verbose):
        output.line(line)
    if "admin_key" in clients:
        output.line(f"Your admin key, shown once: {clients['admin_key']}")
    if not dry_run and done.changed:
        output.note("check it with `glowplug config check`; a running server has read it by now")


def file_of(session: Session, into: Path | None) -> Path:
    """The file to write to: named, else that of the server on this state directory, else the default; never the
    demo's, and never one of another machine.  Raises RequestError."""
    from glowplug.cli.client import is_running
    from glowplug.paths import default_config_path, state_paths

    if into is None and session.url:
        raise RequestError("the file of a server elsewhere cannot be written", hint="name a file here with --into")
    if into is None and not is_running(state_paths(session.state_dir)):
        return default_config_path()
    return path_of(session, into)


def keep(session: Session, secrets: Mapping[str, Secret], *, dry_run: bool) -> dict[str, str]:
    """Seal secrets: name → `added`, `same`, `conflict` (another value is there, which stays) or `there`.

    A running server is asked to, since the database is its own; it does not give values back, so of a name that it
    knows nobody can say whether the value is the same.
    """
    from glowplug.cli.client import is_running
    from glowplug.paths import state_paths

    if not secrets:
        return {}
    if session.url or is_running(state_paths(session.state_dir)):
        client = session.client()
        known = {str(row["name"]) for row in client.rows("/admin/credentials")}
        for name in secrets.keys() - known if not dry_run else ():
            client.call("PUT", "/admin/credentials", {"name": name, "value": secrets[name].reveal()})
        return {name: "there" if name in known else "added" for name in secrets}
    if dry_run:
        return dict.fromkeys(secrets, "added")
    from glowplug.offline import store_secrets

    return store_secrets(session.state_dir, secrets)
