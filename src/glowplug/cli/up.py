"""`glowplug up`: the server itself."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.output import EXIT_CONFIG
from glowplug.errors import CANNOT_LISTEN, STORE_AWAY, ConfigError, StoreError

_PASSING = (CANNOT_LISTEN, STORE_AWAY)
"""Codes of what may be over when a service manager tries again."""


@click.command("up", cls=Verb)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GLOWPLUG_CONFIG",
    metavar="FILE",
    help="Configuration file, by default the one that `glowplug config path` names [GLOWPLUG_CONFIG].",
)
@click.option(
    "--litellm-config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Run on LiteLLM's config.yaml instead, as it is.",
)
@click.option(
    "--llama-swap-config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Run on llama-swap's config.yaml instead, as it is.",
)
@click.option("--host", metavar="ADDRESS", help="Listen here, whatever the configuration says.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Listen on this port; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 64), metavar="N", help="Gateway worker processes.")
@common_options
def up(
    config_path: Path | None,
    litellm_config: Path | None,
    llama_swap_config: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
) -> int:
    """Serve the configured models until Ctrl-C or SIGTERM.

    Running streams may end first; a second signal ends at once.  The first start makes an admin key and shows it.
    A configuration that is wrong ends it with exit code 78, so that a service manager does not try again.

    \b
    Examples:
      glowplug up
      glowplug up --config ./glowplug.yaml --port 4000
      glowplug up --host 0.0.0.0 --workers 2
      glowplug up --litellm-config ./config.yaml
    """
    try:
        return _serve(config_path, litellm_config, llama_swap_config, host, port, workers)
    except (ConfigError, StoreError) as error:
        if error.code in _PASSING:
            raise
        current().output.error(error)
        return EXIT_CONFIG


def _serve(
    config_path: Path | None,
    litellm_config: Path | None,
    llama_swap_config: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
) -> int:
    from glowplug.runtime import up as serve

    foreign = {"litellm": litellm_config, "llama-swap": llama_swap_config}
    given = {kind: path for kind, path in foreign.items() if path is not None}
    own = click.get_current_context().get_parameter_source("config_path")
    if len(given) + (own is ParameterSource.COMMANDLINE) > 1:
        raise click.UsageError("only one configuration file can be run on", click.get_current_context())
    for kind, path in given.items():
        return serve(path, current().state_dir, host, port, workers, kind)
    return serve(config_path, current().state_dir, host, port, workers)
