"""What a call knows of itself besides what it was begun with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from glowplug.gateway.settling import FIRST

if TYPE_CHECKING:
    from glowplug.errors import GlowplugError
    from glowplug.gateway.attempts import Attempt
    from glowplug.gateway.keeping import Keeper
    from glowplug.gateway.kinds import Peeked
    from glowplug.gateway.limiting import Pass
    from glowplug.gateway.tables import Route
    from glowplug.gateway.targets import Target
    from glowplug.gateway.waiting import Wait
    from glowplug.gateway.wishes import Wishes
    from glowplug.wire.output_cap import Cap

INF: Final = float("inf")


class CallState:
    """The values that a `glowplug.gateway.call.Call` begins with; most stay what they are."""

    # Defaults on the class: an attribute costs nothing until it differs, and most never do.
    deadline = INF
    wait_until = INF
    over = False
    paused = False
    limited = False
    """`limited`: its answer says what its limits still allow."""
    attempts = 0
    tried = 0
    retried = 0
    pauses = 0
    prompt = 0
    """`prompt`: tokens that its body is taken for until somebody counts; 0 when it has no prompt."""
    load_time = 0.0
    beat_at = 0.0
    queue_time = 0.0
    upstream_time = 0.0
    cost = 0
    """Nano-dollars of its attempts that are settled."""
    attempt: Attempt | None = None
    waiting: Wait | None = None
    held: Pass | None = None
    """What it took from the limits of its key."""
    cap: Cap | None = None
    """How long its answers may be, once a limit or a budget has asked."""
    last_error: GlowplugError | None = None
    keep_alive: float | None = None
    """Seconds the engine is to be kept after this request, when it says so."""
    wish = ""
    """`load` or `unload`, when nothing else is asked of the model."""
    reason = FIRST
    asked = ""
    trace = ""
    end_user = ""
    """Who the client says is asking, where its key may say so; for records only."""
    named: tuple[str, ...] = ()
    """The same as a tag of its records, where these have the user of its key as who asks."""
    conversation = b""
    """What its conversation is remembered by, when its alias is sticky."""
    tags: tuple[str, ...] = ()
    wishes: Wishes | None = None
    """What its header fields say of how it is served."""
    draw: float | None = None
    """What decides instead of chance; for who explains."""
    owes = False
    """Its next attempt counts against the retry budget."""
    fields = b""
    """Header lines of the client that go upstream."""
    query = b""
    """The query string of the client, from the question mark on, where it goes upstream."""
    keeper: Keeper | None = None
    """What the client is sent, for the cache and the log of requests, when its key asks for one of them."""
    body: Peeked
    route: Route
    targets: tuple[Target, ...]
