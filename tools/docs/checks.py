"""docs/doctor.md: how the doctor and smoke are used, with a row for each check."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from glowplug.doctor.registry import ours
from glowplug.domain.finding import Group

PAGE: Final = "docs/doctor.md"
_TITLES: Final = {
    Group.LITELLM: "A LiteLLM installation, by its database, its files and its port (`--litellm`, `--config`)",
    Group.MODELS: "Models and routes",
    Group.MACHINE: "The machine",
    Group.OURSELVES: "This installation",
}
_OPENING: Final = """# Doctor and smoke

Two questions after an upgrade, a reboot, or a year: is anything rotten, and does everything work?

## Doctor

```
glowplug doctor                                  # look; nothing is changed
glowplug doctor machine --fix --dry-run          # every step of every repair, with its diff
glowplug doctor machine-secret-files --fix       # carry one out
glowplug doctor --undo list                      # what was repaired
glowplug doctor --undo 20261126-153012-machine-secret-files
glowplug doctor --litellm postgresql://litellm@localhost/litellm --config config.yaml --salt-key-file salt.key
glowplug doctor --litellm http://localhost:4000 --litellm-key-file master.key
glowplug doctor --releases https://INDEX/simple/   # also ask a package index whether a newer release is out
```

Each finding says what was seen and what comes of it. A repair is whole or nothing: what stops half way is put back.
What was there before is kept first, below `doctor/` in the state directory, and `--undo` puts it back byte for byte,
unless somebody has changed it since. Nothing is deleted where it can be merged or moved aside.

A check that cannot look says why (no permission, no database, no such program), and the rest go on. A check about
something that is not here is silent. The exit code is 0 when nothing but notes was found, 1 after findings or a
repair that failed, 5 when nothing was found but a check could not look.

The doctor needs no server. A LiteLLM installation need not run either; its database is read in one transaction that
cannot write, and a repair of it is one transaction, after the rows that it changes were kept. One that runs can be
asked over its port instead, or as well: only `GET` is used, nothing of it calls a model, and it is told nothing.

Nobody is asked for newer releases unless you say whom: `--releases` (or `GLOWPLUG_RELEASES`) takes the address of the
package index you install from, which ends in `/simple/` at the public one too; `pip config get global.index-url` shows
another. One page of it is read (JSON, PEP 691), within 5 seconds and 1 MiB, over https, following no redirect and
without a proxy (looking its name up takes as long as the system's resolver waits); nothing is downloaded or
installed. An index that cannot be asked is a check that could not look.

Over our admin API the same is `/admin/doctor/…`, and `/admin/doctor/litellm` for a LiteLLM, by its database and its
port; what is repaired stands in the audit log with who asked for it.
Other packages add checks through the entry point group `glowplug.doctor`.

"""
_SMOKE: Final = """
## Smoke

```
glowplug smoke                                   # the models of this machine, through the public port
glowplug smoke --all                             # also those of providers, which cost money
glowplug smoke --cold --junit smoke.xml          # from memory at rest to memory at rest
glowplug smoke --against http://127.0.0.1:4000 --key sk-…   # any OpenAI-compatible server
```

Each model is asked what its type promises: chat, streamed chat, a tool call, a picture that is made for it,
embeddings (two texts must have different vectors of one size), reranking, a transcription of a tone. An alias is
asked once, and once more without its first target (`x-glowplug-skip`), to see that the next one answers. A wrong key
must be refused, a wrong password too, metrics must be there. And somebody logs in as a browser does it: a person is
invited, has a random password, is known by their cookie, changes nothing without the session's token, leaves, and is
forgotten. That takes an admin key; the audit log has it.

Behind a LiteLLM's models are the fallbacks that it names; each list is asked by a request that is to fail, where its
`general_settings.dangerously_allow_mock_testing_request_params` lets requests do so.

With `--cold` each local model is stopped first: memory at rest, the first answer with the engine's start in it,
unloaded when idle, memory back. A model that somebody is using is left alone; one that was loaded is loaded again.

*Doubt* is no failure: a small model may answer without calling the tool it was given. When something fails, the end
of the engine's log is shown, and the exit code is 1. """


def pages(_root: Path) -> dict[str, str]:
    parts = [_OPENING]
    for group, title in _TITLES.items():
        rows = [
            f"| `{check.name}` | {check.title} | {'slow' if check.slow else ''} |".replace("|  |", "| |")
            for check in ours()
            if check.group is group
        ]
        if rows:
            parts.append("\n".join([f"### {title}\n", "| check | makes sure that | |", "|---|---|---|", *rows]) + "\n")
    return {PAGE: "\n".join(parts).replace("\n\n\n", "\n\n") + _SMOKE}
