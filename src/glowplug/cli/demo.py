"""`glowplug demo`: two tiny models, so that there is something to look at."""

from __future__ import annotations

import click

from glowplug.cli.command import Verb, common_options, current


@click.command("demo", cls=Verb)
@click.option("--host", metavar="ADDRESS", help="Listen here [127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Listen on this port; 0 takes a free one.")
@common_options
def demo(host: str | None, port: int | None) -> int:
    """Serve two tiny models through a real engine, to look around.

    Nothing is downloaded and nothing outside the state directory is touched.  With --json one line is printed once it
    listens: base_url, admin_url, api_key, models, pid.

    \b
    Examples:
      glowplug demo
      glowplug demo --json --port 0 --state-dir /tmp/glowplug-demo
    """
    from glowplug.runtime import demo as serve

    session = current()
    return serve(session.state_dir, port, host, session.as_json)
