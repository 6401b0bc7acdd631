"""The header lines that say who served a request, why, how long each part took and what it cost.

The same is said once more in the names that LiteLLM's clients read (https://docs.litellm.ai/docs/proxy/response_headers).
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from glowplug.gateway.answer import rate_words
from glowplug.gateway.limiting import tightest
from glowplug.money import decimal_usd
from glowplug.wire import rate_headers

if TYPE_CHECKING:
    from glowplug.gateway.call import Call

NOBODY: Final = b"x-glowplug-model: \r\n"
_HUNDREDTHS: Final = tuple(b".%02d" % number for number in range(100))
NOTHING: Final = b"x-glowplug-cost: 0\r\nx-litellm-response-cost: 0\r\n"


def identity(call: Call) -> bytes:
    """Of an answer whose head is about to go out (times in milliseconds, dollars as exact decimals).

    The cost is that of the whole request, with the attempts that came to nothing; it is there once the answer is
    complete and the one who gave it has a price.
    """
    now = monotonic()
    attempt = call.attempt
    if attempt is None:
        started, target, money = now, NOBODY, b""
    else:
        started = attempt.started
        target = attempt.target.identity
        money = b"" if not attempt.settled else _money(call.cost) if call.cost else attempt.target.costs_nothing
    load = call.load_time
    total, passed = milliseconds(now - call.t0), milliseconds(now - call.t0 - load - (now - started))
    request, reason, attempts = call.request_id.encode(), call.reason, call.attempts
    again = further = 0
    if attempts > 1:
        again = min(call.retried.bit_count() + call.pauses, attempts - 1)
        further = attempts - 1 - again
    lines = (
        b"x-request-id: %b\r\n%bx-glowplug-attempts: %d\r\nx-glowplug-reason: %b\r\n"
        b"server-timing: queue;dur=%b, load;dur=%d, upstream;dur=%b\r\n%b"
        b"x-litellm-call-id: %b\r\nx-litellm-model-group: %bx-litellm-attempted-retries: %d\r\n"
        b"x-litellm-attempted-fallbacks: %d\r\nx-litellm-response-duration-ms: %b\r\n"
        b"x-litellm-overhead-duration-ms: %b\r\n"
        % (
            request, target, attempts, reason, passed, int(load * 1e3), milliseconds(now - started), money,
            request, call.route.header, again, further, total, passed,
        )
    )  # fmt: skip
    return lines + rates(call) if call.limited else lines


def rates(call: Call) -> bytes:
    """The lines that say what the limits of a request still allow."""
    now = monotonic()
    requests, tokens = tightest(call, now)
    wire, unix = rate_words(call.kind.envelope), now + call.plane.unix_offset
    lines = b""
    if requests is not None:
        owed = requests.owed(now)
        lines = rate_headers.lines(wire, requests.rpm, requests.remaining(owed), owed, unix)
    if tokens is not None:
        owed = tokens.owed(now)
        lines += rate_headers.lines(wire, tokens.rpm, tokens.remaining(owed), owed, unix, "tokens")
    return lines


def milliseconds(seconds: float) -> bytes:
    """With two digits behind the point, as `%.2f` writes them: that one formats as slowly as a JSON body is read."""
    hundredths = int(seconds * 1e5 + 0.5) if seconds > 0.0 else 0
    return b"%d%b" % (hundredths // 100, _HUNDREDTHS[hundredths % 100])


def _money(nano: int) -> bytes:
    text = decimal_usd(nano).encode()
    return b"x-glowplug-cost: %b\r\nx-litellm-response-cost: %b\r\n" % (text, text)


def named(name: bytes) -> bytes:
    """The lines that name a target, made once."""
    return b"x-glowplug-model: %b\r\nx-litellm-model-id: %b\r\n" % (name, name)
