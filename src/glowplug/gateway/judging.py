"""What a whole answer of an upstream means: it is the client's, or the next target is asked instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from glowplug.domain.usage import Outcome
from glowplug.gateway import refusals
from glowplug.gateway.probing import ABSENT, is_absent, translate_instead
from glowplug.gateway.rules import turn
from glowplug.gateway.waiting import asks_again
from glowplug.wire.http1 import is_page
from glowplug.wire.openai_values import Usage
from glowplug.wire.refused import Refusal, refusal
from glowplug.wire.sse import failure

if TYPE_CHECKING:
    from glowplug.gateway.attempts import Attempt

RETRY_STATUS: Final = frozenset((408, 429, 500, 501, 502, 503, 504, 507, 508, 520, 521, 522, 523, 524, 529))
"""Answers after which the next target is tried (RFC 9110 and the codes CDNs and providers add)."""
PROMPT: Final = frozenset((Refusal.CONTEXT, Refusal.CONTENT))
"""Refusals that speak of the prompt."""
OK: Final = Outcome.OK
"""At hand: naming the member of an enum costs as much as a call."""
NOTHING: Final = Usage()
"""What was used of an upstream that gave no answer; a guess would charge for it."""


def is_no_answer(attempt: Attempt, body: bytes) -> bool:
    """Whether a good status came with something else, and that was taken for the upstream's error.  To be asked of
    answers that report no usage."""
    # A response that failed is one all the same: it has its error inside, and its clients look for it there.
    may_say = attempt.call.kind.keeps and not attempt.way.translates
    if is_page(attempt.head):
        why = "it answers with a web page"
    elif b'"error"' in body and not may_say and (said := failure(body)) is not None:
        why = said
    else:
        return False
    attempt.settle(Outcome.UPSTREAM_ERROR, NOTHING)
    attempt.call.failed(attempt.target, refusals.attempt_error(attempt.target, why, False), "answered with an error")
    return True


def judge(attempt: Attempt, status: int, body: bytes) -> None:
    """A whole response has come: pass it on, or let the next target answer."""
    call, target = attempt.call, attempt.target
    if status < 300:
        attempt.pass_on(status, body, OK)
        return
    if status < 400:
        # Not followed, which would take our key wherever an answer says, and not passed on: clients would follow it.
        attempt.settle(Outcome.UPSTREAM_ERROR, None)
        why = f"it redirects (status {status}); base_url must name the place itself"
        call.failed(target, refusals.attempt_error(target, why, False), str(status), final=True)
        return
    said = attempt.refusal = refusal(status, body)
    if said in PROMPT and turn(call, target, said) and call.others_left(target):
        attempt.settle(Outcome.UPSTREAM_ERROR, None)
        call.failed(target, refusals.attempt_error(target, f"status {status}", False), said.value)
    elif said in PROMPT:
        attempt.pass_on(status, body, Outcome.UPSTREAM_ERROR)
    elif status in (401, 403) and not target.route.local:
        attempt.settle(Outcome.UPSTREAM_ERROR, None)
        call.failed(target, refusals.rejected_credentials(target, status), str(status))
    elif status in ABSENT and is_absent(attempt, status, body):
        translate_instead(attempt)
    elif (status in RETRY_STATUS or said is Refusal.QUOTA) and call.others_left(target):
        attempt.settle(Outcome.UPSTREAM_ERROR, None)
        call.failed(target, refusals.attempt_error(target, f"status {status}", False), str(status))
    elif status == 503 and target.route.local and asks_again(call, target):
        attempt.settle(Outcome.UPSTREAM_ERROR, None)
        call.pause_before(target, refusals.attempt_error(target, f"status {status}", False))
    else:
        attempt.pass_on(status, body, Outcome.UPSTREAM_ERROR)
