"""Every error Glowplug raises on purpose.

    GlowplugError
    ├── RequestError            400  the client sent something that cannot be served
    │   ├── Unauthenticated     401  no key, or a key nobody knows
    │   ├── Forbidden           403  a known key that may not do this
    │   ├── NotFound            404  a model, a route or a record that does not exist
    │   ├── Conflict            409  the thing is in a state that does not allow this
    │   ├── RequestTimeout      408  the request itself did not arrive in time
    │   ├── BodyTooLarge        413
    │   ├── HeadersTooLarge     431
    │   ├── NoUpgrade           426  another protocol is asked for where there is none
    │   └── LimitReached        429  rate limit; carries retry_after
    ├── Unavailable             503  nothing can answer now; carries retry_after
    │   ├── Loading             503  an engine is on its way; carries the loading object
    │   └── EngineFailed        503  an engine could not start; carries reason and log tail
    ├── UpstreamError           502  the engine or provider misbehaved
    │   └── UpstreamTimeout     504
    ├── InternalError           500  our own fault
    ├── ConfigError             --   the configuration file is wrong; carries problems with line numbers
    └── StoreError              503  the database or its schema is not usable

A class exists only where some caller branches on it.  The message says what happened and to what; the hint says what
to do.  Each wire has its own encoder of these (for OpenAI: `glowplug.wire.openai.error_body`).
"""

from __future__ import annotations

from typing import ClassVar, Literal


class GlowplugError(Exception):
    """Base of the tree: a message for people, a stable `code`, an HTTP `status`, an OpenAI error `type`."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    default_code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, hint: str = "", code: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.retry_after = retry_after
        """Seconds after which trying again makes sense, or None."""

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class RequestError(GlowplugError):
    status = 400
    type = "invalid_request_error"
    default_code = "invalid_request"


class Unauthenticated(RequestError):
    status = 401
    type = "authentication_error"
    default_code = "invalid_api_key"


class Forbidden(RequestError):
    status = 403
    type = "permission_error"
    default_code = "permission_denied"


class NotFound(RequestError):
    status = 404
    default_code = "not_found"


class Conflict(RequestError):
    status = 409
    default_code = "conflict"


class RequestTimeout(RequestError):
    status = 408
    default_code = "request_timeout"


class BodyTooLarge(RequestError):
    status = 413
    default_code = "body_too_large"


class HeadersTooLarge(RequestError):
    status = 431
    default_code = "headers_too_large"


class NoUpgrade(RequestError):
    status = 426
    default_code = "no_upgrade"


class LimitReached(RequestError):
    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"
    rate: tuple[int, int, float] | None = None
    """The limit a minute, how much of it is left, and the seconds until none of it is used; None: it is a limit of
    another kind."""
    unit: Literal["requests", "tokens"] = "requests"
    """What `rate` counts."""


class Unavailable(GlowplugError):
    status = 503
    type = "service_unavailable"
    default_code = "unavailable"


class Loading(Unavailable):
    """An engine is starting and this request cannot wait for it."""

    default_code = "model_loading"

    def __init__(
        self, message: str, *, loading: dict[str, object], hint: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, retry_after=retry_after)
        self.loading = loading
        """`{"model", "state", "stage", "progress", "eta_s", "queue_position"}`, added to the error object."""


class EngineFailed(Unavailable):
    """An engine could not be started, or died; `log_tail` are its last lines, oldest first."""

    default_code = "engine_failed"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        log_tail: tuple[str, ...] = (),
        hint: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, retry_after=retry_after)
        self.reason = reason
        self.log_tail = log_tail


class UpstreamError(GlowplugError):
    status = 502
    type = "upstream_error"
    default_code = "upstream_error"


class UpstreamTimeout(UpstreamError):
    status = 504
    default_code = "upstream_timeout"


class InternalError(GlowplugError):
    pass


class Problem:
    """One thing that is wrong in a configuration file: where (dotted path, 1-based line or 0), what, what to do."""

    __slots__ = ("file", "hint", "line", "message", "path")

    def __init__(self, path: str, message: str, *, line: int = 0, hint: str = "", file: str = "") -> None:
        self.path = path
        self.message = message
        self.line = line
        self.hint = hint
        self.file = file
        """The file it is in, when that is not the configuration file."""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        if self.file:
            where = f"{self.file}, {where}" if where else f"{self.file}: "
        what = f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"
        return f"{what} ({self.hint})" if self.hint else what

    __repr__ = __str__


class ConfigError(GlowplugError):
    """The configuration cannot be used; `problems` lists every reason found, not only the first."""

    default_code = "config_error"

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), *, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint, code=code)
        self.problems = problems


CANNOT_LISTEN = "cannot_listen"
"""Code of a ConfigError after which trying again makes sense: another program may give the port back."""
STORE_AWAY = "store_unreachable"
"""Code of a StoreError after which trying again makes sense: a server is away, another program locks the file."""


class StoreError(GlowplugError):
    status = 503
    type = "service_unavailable"
    default_code = "store_error"
