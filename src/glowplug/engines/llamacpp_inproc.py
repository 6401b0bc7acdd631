"""A stand-in for llama-server on top of the xllamacpp wheel: `python -m glowplug.engines.llamacpp_inproc -m FILE …`.

It takes the flags of llama-server that matter, starts llama.cpp's own HTTP server inside this process and leaves when
that server does.  To a launcher it looks like llama-server, so the demo and the tests need no binary and no download.

A flag that is not in FLAGS is refused as llama-server refuses it: silence would hide that an option has no effect.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Apply = Callable[[Any, str], None]
"""Writes one flag's value into a CommonParams; a ValueError means that the value is wrong."""

AUTO_SLOTS = 4
"""What llama-server takes for `--parallel -1`, its default: four slots that share one cache."""

ALIVE_EVERY_S = 2.0
"""How often the listening socket is looked at: rare enough to cost nothing, soon enough for a manager to notice."""

_CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")


STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_running: list[Any] = []
"""Keeps the server from being destroyed when `serve` returns: its destructor waits for clients that still stream."""


class UsageError(Exception):
    """The command line is wrong; the message is what llama-server would say after `error: `."""


def _library() -> Any:
    # The wheel has no type information, and `--help` should work without it.
    return importlib.import_module("xllamacpp")


def _set(path: str, convert: Callable[[str], object]) -> Apply:
    """Assign the converted value to an attribute, nested ones by dots."""
    *parents, last = path.split(".")

    def apply(params: Any, value: str) -> None:
        for name in parents:
            params = getattr(params, name)
        setattr(params, last, convert(value))

    return apply


def _constant(path: str, value: object) -> Apply:
    return _set(path, lambda _: value)


def _both(*steps: Apply) -> Apply:
    def apply(params: Any, value: str) -> None:
        for step in steps:
            step(params, value)

    return apply


def _ignore(_params: Any, _value: str) -> None:
    """The behaviour that the flag asks for is what there is anyway."""


def _choice(table: dict[str, object]) -> Callable[[str], object]:
    def convert(value: str) -> object:
        if value not in table:
            raise ValueError(f"unknown value '{value}', one of: {', '.join(table)}")
        return table[value]

    return convert


def _enum(kind: str, prefix: str, names: dict[str, str]) -> Callable[[str], object]:
    """A value by the name it has in one of the library's enumerations; looked up late, for the library loads late."""
    check = _choice(dict(names))

    def convert(value: str) -> object:
        return getattr(getattr(_library(), kind), f"{prefix}{check(value)}")

    return convert


def _layers(value: str) -> object:
    return {"auto": -1, "all": -2}.get(value) or int(value)


def _comma_list(value: str) -> list[str]:
    return [part for part in (p.strip() for p in value.split(",")) if part]


def _alias(params: Any, value: str) -> None:
    params.model_alias = set(_comma_list(value))


def _api_keys(params: Any, value: str) -> None:
    params.api_keys = [*params.api_keys, *_comma_list(value)]


def _temperature(params: Any, value: str) -> None:
    params.sampling.temp = max(float(value), 0.0)
    # Marks the value as asked for, or the model file's own recommendation would replace it.
    params.sampling.user_sampling_config |= int(
        _library().common_params_sampling_config.COMMON_PARAMS_SAMPLING_CONFIG_TEMP
    )


_on_off = _choice({"on": True, "off": False})
_cache_type = _enum("ggml_type", "GGML_TYPE_", {n: n.upper() for n in _CACHE_TYPES})
_pooling = _enum(
    "llama_pooling_type", "LLAMA_POOLING_TYPE_", {n: n.upper() for n in ("none", "mean", "cls", "last", "rank")}
)
_flash = _enum("llama_flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_", {"on": "ENABLED", "off": "DISABLED", "auto": "AUTO"})


@dataclass(frozen=True)
class Flag:
    """One flag of llama-server: its spellings, the name of its value ("" if it takes none), and what it does."""

    names: tuple[str, ...]
    value: str
    apply: Apply
    help: str


def _flag(names: str, value: str, apply: Apply, text: str) -> Flag:
    return Flag(tuple(names.split()), value, apply, text)


FLAGS: tuple[Flag, ...] = (
    _flag("-m --model", "FILE", _set("model.path", str), "model file"),
    _flag("-mm --mmproj", "FILE", _set("mmproj.path", str), "projector file of a multimodal model"),
    _flag("-a --alias", "NAMES", _alias, "names that the API shows for the model, separated by commas"),
    _flag("--host", "HOST", _set("hostnames", lambda v: [v]), "address to listen on, or the path of a Unix socket"),
    _flag("--port", "PORT", _set("port", int), "port to listen on (default: 8080; 0: any free one)"),
    _flag("--api-key", "KEYS", _api_keys, "keys that clients must send, separated by commas"),
    _flag("-c --ctx-size", "N", _set("n_ctx", int), "context size (default: 0 = from the model)"),
    _flag("-np --parallel", "N", _set("n_parallel", int), "number of slots (default: -1 = auto)"),
    _flag("-kvu --kv-unified", "", _constant("kv_unified", True), "one cache shared by all slots"),
    _flag("-ngl --gpu-layers --n-gpu-layers", "N", _set("n_gpu_layers", _layers), "layers on the GPU, auto or all"),
    _flag("-b --batch-size", "N", _set("n_batch", int), "logical batch size"),
    _flag("-ub --ubatch-size", "N", _set("n_ubatch", int), "physical batch size"),
    _flag(
        "-t --threads",
        "N",
        # The library does not copy one to the other when only the first is given.
        _both(_set("cpuparams.n_threads", int), _set("cpuparams_batch.n_threads", int)),
        "CPU threads",
    ),
    _flag("-tb --threads-batch", "N", _set("cpuparams_batch.n_threads", int), "CPU threads for prompts"),
    _flag("--threads-http", "N", _set("n_threads_http", int), "threads of the HTTP server"),
    _flag("-fa --flash-attn", "on|off|auto", _set("flash_attn_type", _flash), "flash attention"),
    _flag("-ctk --cache-type-k", "TYPE", _set("cache_type_k", _cache_type), "type of the cache's keys"),
    _flag("-ctv --cache-type-v", "TYPE", _set("cache_type_v", _cache_type), "type of the cache's values"),
    _flag("-cram --cache-ram", "MIB", _set("cache_ram_mib", int), "limit of the prompt cache in main memory"),
    _flag("-fit --fit", "on|off", _set("fit_params", _on_off), "fit unset arguments to free device memory"),
    _flag("--embedding --embeddings", "", _constant("embedding", True), "serve embeddings"),
    _flag("--pooling", "TYPE", _set("pooling_type", _pooling), "none, mean, cls, last or rank"),
    _flag(
        "--rerank --reranking",
        "",
        _both(_constant("embedding", True), lambda p, _: _set("pooling_type", _pooling)(p, "rank")),
        "serve reranking",
    ),
    _flag("--metrics", "", _constant("endpoint_metrics", True), "serve /metrics"),
    _flag("--slots", "", _constant("endpoint_slots", True), "serve /slots (the default)"),
    _flag("--no-slots", "", _constant("endpoint_slots", False), "do not serve /slots"),
    _flag("--no-warmup", "", _constant("warmup", False), "skip the empty run after loading"),
    _flag("-s --seed", "N", _set("sampling.seed", lambda v: int(v) & 0xFFFFFFFF), "random seed (-1: random)"),
    _flag("--temp --temperature", "T", _temperature, "default temperature"),
    _flag("--sleep-idle-seconds", "N", _set("sleep_idle_seconds", int), "free the model after N idle seconds"),
    _flag("-lv --verbosity --log-verbosity", "N", _set("verbosity", int), "detail of the log"),
    _flag("--jinja", "", _ignore, "accepted: templates are always Jinja here"),
    _flag("--no-webui --no-ui", "", _constant("ui", False), "accepted: there is no web page here"),
)
_BY_NAME = {name: flag for flag in FLAGS for name in flag.names}


def parse(argv: Sequence[str]) -> list[tuple[str, str]]:
    """Split a command line into (flag, value) pairs; UsageError names the first argument that is wrong."""
    found: list[tuple[str, str]] = []
    rest = list(argv)
    while rest:
        name = rest.pop(0)
        flag = _BY_NAME.get(name)
        if flag is None:
            raise UsageError(f"invalid argument: {name}")
        if flag.value and not rest:
            raise UsageError(f'while handling argument "{name}": expected value for argument')
        found.append((name, rest.pop(0) if flag.value else ""))
    return found


def build_params(argv: Sequence[str], key: str = "") -> Any:
    """The CommonParams that a command line means, with llama-server's defaults for what it leaves out.

    `key`: what LLAMA_API_KEY holds; as in llama-server, keys of the command line come on top of it.
    """
    arguments = parse(argv)
    params = _library().CommonParams()
    params.port = 8080
    params.n_parallel = -1
    if key:
        _api_keys(params, key)
    for name, value in arguments:
        try:
            _BY_NAME[name].apply(params, value)
        except (ValueError, TypeError, OverflowError) as exc:
            raise UsageError(f'while handling argument "{name}": {exc}') from exc
    if not params.model.path:
        raise UsageError("no model given: -m FILE is required, router mode is not available")
    if params.n_parallel < 0:
        params.n_parallel, params.kv_unified = AUTO_SLOTS, True
    if params.embedding:
        # An embedding needs its whole input in one physical batch; llama.cpp would stop at an assertion otherwise.
        params.n_batch = min(params.n_batch, params.n_ubatch)
    return params


def usage() -> str:
    """The text of --help, one flag a line as llama-server prints them."""
    lines = ["usage: python -m glowplug.engines.llamacpp_inproc -m FILE [flags of llama-server]", ""]
    for flag in FLAGS:
        left = ", ".join(flag.names) + (f" {flag.value}" if flag.value else "")
        lines.append(f"{left:<44} {flag.help}" if len(left) < 44 else f"{left}\n{'':<44} {flag.help}")
    return "\n".join([*lines, f"{'-h, --help':<44} show this", f"{'--version':<44} show the version", ""])


def version() -> str:
    """The wheel's version; its last part is the build number of llama.cpp."""
    wheel = str(_library().__version__)
    return f"version: xllamacpp {wheel} (build {wheel.rsplit('.', 1)[-1]})\n"


def listening(address: str) -> bool:
    """Whether something still accepts connections at a server's address.  Only a clear refusal counts as no."""
    url = urlsplit(address)
    unix = url.scheme == "unix"
    where: Any = url.path if unix else (url.hostname or "127.0.0.1", url.port or 80)
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET6 if ":" in where[0] else socket.AF_INET) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(where)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            # A full backlog or a timeout means busy, and a busy server must not be taken for a dead one.
            return True
    return True


def serve(params: Any) -> int:
    """Load the model and serve until SIGTERM or SIGINT ends the process; returns 1 when the server is gone."""
    _leave_to_the_kernel()
    try:
        server = _library().Server(params)
    except RuntimeError as exc:
        return _fail(str(exc))
    _running.append(server)
    _leave_to_the_kernel()  # again, for whatever the library may have set
    address = str(server.listening_address)
    while listening(address):
        time.sleep(ALIVE_EVERY_S)
    return _fail(f"the server at {address} is gone")


def _leave_to_the_kernel() -> None:
    """Let a signal end the process at once, in every phase in the same way (status -SIGTERM or -SIGINT).

    A Python handler could not: it runs only when the interpreter does, which the library stops while it loads the model
    and for a while after it has begun to answer.  Nothing here needs saving, and an orderly end would wait for clients
    that still stream.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def main(argv: Sequence[str]) -> int:
    """Run the command line; the result is the exit status."""
    if {"-h", "--help", "--usage"} & set(argv):
        sys.stdout.write(usage())
        return 0
    try:
        if "--version" in argv:
            sys.stderr.write(version())
            return 0
        params = build_params(argv, os.environ.get("LLAMA_API_KEY", ""))
    except ModuleNotFoundError:
        return _fail("xllamacpp is not installed: pip install 'glowplug[demo]'")
    except UsageError as exc:
        return _fail(str(exc))
    return serve(params)


def _fail(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return 1


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    if _running:
        # Not sys.exit, which would destroy the server and wait for its clients.
        os._exit(status)
    # The library writes its log from a thread, and only an orderly exit waits for the lines that tell why.
    sys.exit(status)
