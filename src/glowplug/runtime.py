"""The composition root: the only module that knows every concrete part.

    up, demo       prepare an installation, bind the port, then become the supervisor (`glowplug.supervisor`)
    control        the control process      (`python -m glowplug.runtime control JSON`)
    worker         a gateway worker         (`python -m glowplug.runtime worker JSON`)

Imports of a process's parts are inside its function, so that a worker does not carry the database around.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from glowplug import logs, supervisor
from glowplug.activation import handed_over
from glowplug.claim import claim
from glowplug.errors import CANNOT_LISTEN, STORE_AWAY, ConfigError, GlowplugError
from glowplug.paths import Paths, default_config_path, demo_paths, state_paths
from glowplug.pulse import answer
from glowplug.supervisor import FATAL_EXIT, Plan, say

if TYPE_CHECKING:
    from glowplug.config.load import Loaded
    from glowplug.secret import Secret
    from glowplug.usecases.first import Start

_BACKLOG = 4096


@dataclass(frozen=True)
class ChildSettings:
    """What the supervisor hands to a child, as JSON on its command line.  No secrets."""

    state: str
    config: str
    """Path of the configuration file, or empty for none."""
    workers: int
    index: int = 0
    listen_fd: int = -1
    foreign: str = ""
    """Whose file `config` is (`glowplug.config.foreign_load.Kind`), or empty for ours."""
    pulse_fd: int = -1
    """Where the supervisor asks whether this process hangs; it is told when the child is started."""
    patient: bool = False
    """Clients wait until there is something to serve: a service manager starts us for the first of them."""

    def argv(self, role: str) -> list[str]:
        return [sys.executable, "-m", "glowplug.runtime", role, json.dumps(asdict(self))]


# ---- glowplug up


def up(
    config: Path | None,
    state_dir: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    foreign: str = "",
) -> int:
    """Serve until stopped.  Replaces this process by the supervisor; raises GlowplugError before that.

    `foreign` says whose file `config` is (`litellm`, `llama-swap`); empty: ours.
    """
    path = config or default_config_path()
    paths = state_paths(state_dir)
    if foreign:
        loaded = read_configuration(path, foreign=foreign)
    elif config is None and not path.exists():
        say(f"there is no configuration at {path}")
        loaded = read_configuration(None, paths.managed)
    else:
        loaded = read_configuration(path, paths.managed)
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    at = (host or loaded.server.host, loaded.server.port if port is None else port)
    given = handed_over(os.environ, os.getpid())
    with claim(paths) as lock, given or _listen(*at) as listener:
        announce = first_lines(paths, loaded.server.database, _base_url(listener))
        _become_supervisor(
            paths, loaded, workers or loaded.server.workers, listener, lock, announce, [],
            foreign=foreign, patient=given is not None,
        )  # fmt: skip
    return 0


def read_configuration(path: Path | None, managed: Path | None = None, foreign: str = "") -> Loaded:
    """The configuration at `path`, or the empty one, with the layer `managed` beneath.  Raises ConfigError.

    `foreign` says whose file it is, if it is not ours; nothing is beneath such a file.
    """
    from glowplug.config.load import load
    from glowplug.config.managed import ManagedFile
    from glowplug.engines.catalogue import Catalogue
    from glowplug.providers.catalogue import PROVIDERS

    if foreign:
        from glowplug.config.foreign_load import ForeignFile, Kind

        return ForeignFile(Kind(foreign))(path, env=os.environ, engines=Catalogue(), providers=PROVIDERS)
    layer = ManagedFile(managed) if managed is not None else None
    return load(path, env=os.environ, engines=Catalogue(), providers=PROVIDERS, managed=layer)


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket.  Raises ConfigError when the address cannot be had."""
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((bare, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"cannot listen on {host}:{port}: {why}",
            hint="choose another --port, or stop what uses it",
            code=CANNOT_LISTEN,
        ) from None
    return listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{shown}:{port}"


def _prepare_keys(paths: Paths, url: Secret | None) -> Start | None:
    """Database, pepper and keys of the first start.  What it has to show, or None on every later start.

    `url` is that of a database on a server, which is asked in any case: it may be another one than last time.
    """
    if not url and paths.database.exists() and paths.pepper.exists() and paths.cli_key.exists():
        return None  # the control process checks them; a start need not wait for that
    from glowplug.clock import SystemClock
    from glowplug.store.database import Database
    from glowplug.store.places import place_of
    from glowplug.usecases.first import first_start

    database = Database(place_of(url, paths.database))
    database.open()
    try:
        start = asyncio.run(first_start(database, paths, SystemClock()))
        database.sync()  # what is shown once must not be lost with a commit that nobody waited for
        return start
    finally:
        database.close()


def first_lines(paths: Paths, url: Secret | None, base_url: str) -> list[str]:
    """Lines that show the first admin key and the first admin's link, once; empty on every later start."""
    start = _prepare_keys(paths, url)
    if start is None or start.admin_key is None or start.welcome is None:
        return []
    key = start.admin_key
    return [
        "",
        "  This is your admin key. It is shown once; only its hash is kept:",
        "",
        f"      {key.reveal()}",
        "",
        f"  export OPENAI_BASE_URL={base_url}/v1",
        "  export OPENAI_API_KEY=<that key>        # or `glowplug keys create` for one that may only use models",
        "",
        "  This link makes you the first admin, with a password. It is good once, within 24 hours:",
        "",
        f"      {base_url}/ui/welcome#{start.welcome.reveal()}",
        "",
    ]


def _become_supervisor(
    paths: Paths,
    loaded: Loaded,
    workers: int,
    listener: socket.socket,
    lock: int,
    announce: Sequence[str],
    extras: list[list[str]],
    *,
    foreign: str = "",
    patient: bool = False,
) -> None:
    """Replace this process by the supervisor: it keeps the pid, the socket and the lock, and none of the memory."""
    config = str(loaded.path.absolute()) if loaded.path else ""
    settings = ChildSettings(str(paths.state), config, workers, foreign=foreign)
    plan = Plan(
        listen_fd=listener.fileno(),
        lock_fd=lock,
        base_url=_base_url(listener),
        endpoint=str(paths.endpoint),
        control=settings.argv("control"),
        workers=[
            replace(settings, index=index, listen_fd=listener.fileno(), patient=patient).argv("worker")
            for index in range(workers)
        ],
        extras=extras,
        drain=loaded.server.limits.drain_timeout,
        announce_fd=_piped(announce),
    )
    for descriptor in (listener.fileno(), lock, plan.announce_fd):
        os.set_inheritable(descriptor, True)
    os.environ[logs.VARIABLE] = f"{loaded.server.log_format}:{loaded.server.log_level}"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-S", "-E", supervisor.__file__, json.dumps(plan._asdict())])  # noqa: S606


def _piped(lines: Sequence[str]) -> int:
    """The reading end of a pipe that holds these lines, as a JSON list."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(json.dumps(list(lines)).encode())
    return reading


# ---- glowplug demo


def demo(state_dir: Path | None, port: int | None, host: str | None, as_json: bool) -> int:
    """Serve the demo until stopped: two tiny local models and a stand-in for a cloud provider.

    With `as_json` one line of JSON is printed on standard output once it listens.
    """
    from glowplug.demo import setup

    paths = state_paths(state_dir) if state_dir else demo_paths()
    with claim(paths) as lock:
        prepared = setup.prepare(paths)
        loaded = read_configuration(prepared.config)
        at = (host or loaded.server.host, loaded.server.port if port is None else port)
        with _listen(*at) as listener:
            announce = _demo_facts(paths, loaded, _base_url(listener), as_json)
            _become_supervisor(paths, loaded, loaded.server.workers, listener, lock, announce, [prepared.provider])
    return 0


def _demo_facts(paths: Paths, loaded: Loaded, base_url: str, as_json: bool) -> list[str]:
    """Lines that tell where the demo is and with which key."""
    from glowplug.demo import setup

    _prepare_keys(paths, loaded.server.database)
    key = paths.cli_key.read_text(encoding="ascii").strip()
    if not as_json:
        return setup.welcome(base_url, key, paths)
    facts = {
        "base_url": f"{base_url}/v1",
        "admin_url": f"{base_url}/admin",
        "api_key": key,
        "models": [route.name for route in loaded.routes] + [alias.name for alias in loaded.aliases],
        "pid": os.getpid(),
    }
    return [json.dumps(facts)]


# ---- the control process


def control(settings: ChildSettings) -> int:
    """Run the control process until it is told to stop."""
    from glowplug.control.process import ControlProcess

    paths = state_paths(settings.state)
    at = Path(settings.config) if settings.config else None
    loaded = read_configuration(at, paths.managed, settings.foreign)
    from glowplug.config.foreign_load import ForeignFile, Kind
    from glowplug.config.load import load
    from glowplug.engines.catalogue import Catalogue
    from glowplug.engines.registry import ENGINES
    from glowplug.hardware.machine import Machine
    from glowplug.hardware.patient import Patient
    from glowplug.launchers.chooser import standard
    from glowplug.providers.catalogue import PROVIDERS

    devices = Patient(Machine.here())
    process = ControlProcess(
        paths=paths,
        loaded=loaded,
        workers=settings.workers,
        launcher=standard(paths.state, paths.lock),
        hardware=devices,
        engines=ENGINES,
        catalogue=Catalogue(),
        env=os.environ,
        providers=PROVIDERS,
        energy=devices.energy,
        read=ForeignFile(Kind(settings.foreign)) if settings.foreign else load,
    )
    import uvloop

    async def run() -> None:
        answer(settings.pulse_fd, asyncio.get_running_loop())
        await process.run()

    uvloop.run(run())
    return 0


# ---- a gateway worker


def worker(settings: ChildSettings) -> int:
    """Run a gateway worker until it is told to stop."""
    from glowplug.clock import SystemClock
    from glowplug.gateway.worker import WorkerSettings, run
    from glowplug.ledger.journal import JournalWriter
    from glowplug.ledger.workers import worker_name

    paths = state_paths(settings.state)
    name = worker_name(settings.index)
    listener = socket.socket(fileno=settings.listen_fd)
    listener.setblocking(False)
    journal = JournalWriter(paths.journal, name, SystemClock())
    try:
        sockets = str(paths.link_socket), str(paths.control_socket)
        of_worker = WorkerSettings(
            name,
            *sockets,
            counters=str(paths.counters),
            cache_file=str(paths.cache),
            index=settings.index,
            pulse_fd=settings.pulse_fd,
            eager=settings.index == 0 and not settings.patient,
        )
        run(of_worker, listener, journal)
    finally:
        journal.seal()
    return 0


ROLES: Mapping[str, object] = {"control": control, "worker": worker}


def main(argv: Sequence[str]) -> int:
    """Entry of a child: `control JSON` or `worker JSON`, then the descriptor of the supervisor's questions."""
    role, settings = argv[1], ChildSettings(**json.loads(argv[2]))
    if len(argv) > 3:
        settings = replace(settings, pulse_fd=int(argv[3]))
        faulthandler.register(signal.SIGQUIT)  # the supervisor wants to know where a process hangs
    name = role if role == "control" else f"worker {settings.index}"
    logs.configure_as_told(name, os.environ)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        return control(settings) if role == "control" else worker(settings)
    except GlowplugError as error:
        logging.getLogger("glowplug").critical("%s", error)
        # A database that was lost while this child started is no reason to end everything: it is started again.
        return 1 if error.code == STORE_AWAY else FATAL_EXIT


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
