"""Where files live: XDG directories, or everything under one `--state-dir`.

config   $XDG_CONFIG_HOME/glowplug/config.yaml
state    $XDG_STATE_HOME/glowplug/            database, journal, engine logs, keys of this installation
run      <state>/run, or a private directory below the system's temporary one when that path is too long for a
         Unix socket (108 bytes on Linux, unix(7))
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from glowplug.errors import ConfigError

_LONGEST_SOCKET_DIR = 80


@dataclass(frozen=True)
class Paths:
    """Every path of one installation.  Nothing is created until `prepare()`."""

    state: Path
    run: Path

    @property
    def database(self) -> Path:
        return self.state / "glowplug.db"

    @property
    def journal(self) -> Path:
        """Directory of journal segments, written by gateway workers, folded by the control process."""
        return self.state / "journal"

    @property
    def counters(self) -> Path:
        """What workers count together: limits and budgets (`glowplug.ledger.counters`)."""
        return self.state / "counters"

    @property
    def logs(self) -> Path:
        """Directory of engine logs, one file a model."""
        return self.state / "logs"

    @property
    def instances(self) -> Path:
        """Directory of instance records (one JSON file a running engine) that adoption reads; mode 0600."""
        return self.state / "instances"

    @property
    def managed(self) -> Path:
        """Providers, models and aliases that were added through the API (`glowplug.config.managed`); mode 0600."""
        return self.state / "managed.yaml"

    @property
    def cache(self) -> Path:
        """SQLite file of answers that may be given again; mode 0600.  May be deleted at any time."""
        return self.state / "cache.db"

    @property
    def backups(self) -> Path:
        """Directory of backups that the admin API or the nightly unit made; mode 0700."""
        return self.state / "backups"

    @property
    def repairs(self) -> Path:
        """Directory of what the doctor changed, one JSON file for each repair, to be undone by; mode 0600."""
        return self.state / "doctor"

    @property
    def prices(self) -> Path:
        """JSON file of what the price list said of our models.  May be deleted at any time."""
        return self.state / "prices.json"

    @property
    def pepper(self) -> Path:
        """32 random bytes that key the hash of API keys; mode 0600."""
        return self.state / "pepper.key"

    @property
    def keyring(self) -> Path:
        """JSON of the keys that secrets in the database are sealed with (`glowplug.keyring`); mode 0600."""
        return self.state / "keyring.json"

    @property
    def cli_key(self) -> Path:
        """The API key that the command line of this user uses; mode 0600."""
        return self.state / "cli.key"

    @property
    def endpoint(self) -> Path:
        """JSON `{"base_url", "pid"}` of the running server, for the command line."""
        return self.run / "endpoint.json"

    @property
    def link_socket(self) -> Path:
        """Unix socket on which the control process talks to gateway workers."""
        return self.run / "link.sock"

    @property
    def control_socket(self) -> Path:
        """Unix socket on which the control process serves HTTP (admin API, everything the worker hands over)."""
        return self.run / "control.sock"

    @property
    def lock(self) -> Path:
        """Held (flock) by the one supervisor that may run on this state directory; its pid is in it."""
        return self.run / "up.lock"

    def prepare(self) -> None:
        """Create all directories, private to this user.

        Raises ConfigError if one cannot be made or belongs to somebody else.
        """
        for directory in (self.state, self.run, self.journal, self.logs, self.instances):
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(
                    f"the directory {directory} cannot be made: {error.strerror}", hint="choose another --state-dir"
                ) from None
            info = directory.stat()
            if info.st_uid != os.geteuid():
                raise ConfigError(
                    f"{directory} belongs to user id {info.st_uid}",
                    hint="choose another --state-dir or change its owner",
                )
            if stat.S_IMODE(info.st_mode) & 0o077:
                directory.chmod(0o700)


def state_paths(state_dir: str | os.PathLike[str] | None = None) -> Paths:
    """The paths of the installation in `state_dir`, by default the XDG one."""
    if state_dir is None:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        state = Path(base) / "glowplug"
    else:
        state = Path(state_dir)
    state = state.absolute()
    run = state / "run"
    if len(os.fsencode(run)) > _LONGEST_SOCKET_DIR:
        import tempfile  # rarely needed, and 8 ms that every `glowplug ps` would pay
        from hashlib import sha256

        tag = sha256(os.fsencode(state)).hexdigest()[:16]
        run = Path(tempfile.gettempdir()) / f"glowplug-{os.geteuid()}-{tag}"
    return Paths(state, run)


def demo_paths() -> Paths:
    """The paths of `glowplug demo`: beside this user's installation, never in it."""
    state = state_paths().state
    return state_paths(state.with_name(state.name + "-demo"))


def default_config_path() -> Path:
    """`$XDG_CONFIG_HOME/glowplug/config.yaml`."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "glowplug" / "config.yaml"
