"""The end of an attempt: its record in the journal, and what it held is given back."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from glowplug.domain.price import REPORTED, Tokens, attempt_cost
from glowplug.domain.tariff import MOST
from glowplug.domain.usage import AttemptClosed, Outcome
from glowplug.gateway import health
from glowplug.gateway.kept import keep
from glowplug.wire.openai import estimate_tokens
from glowplug.wire.openai_values import Usage
from glowplug.wire.reported_cost import HEADER, Billed, in_head

if TYPE_CHECKING:
    from glowplug.gateway.attempts import Attempt

FIRST: Final = b"first"
"""Why the first target is asked."""
OK: Final = Outcome.OK
"""At hand: naming the member of an enum costs as much as a call."""


def settle(attempt: Attempt, outcome: Outcome, usage: Usage | None) -> None:
    """Close the record of an attempt that is not settled yet; before the client's last byte."""
    attempt.settled = True
    call, target = attempt.call, attempt.target
    target.active -= 1
    if target.base is not None:
        target.base.active -= 1
    if call.reply.detached:
        outcome = Outcome.CLIENT_GONE
    if target.watched or outcome is not OK:
        health.note(attempt, outcome)
    if call.conversation:
        call.plane.sessions.keep(call, target, outcome)
    cached = written = heard = thought = said = 0
    if usage is None:
        prompt, completion, estimated = _guessed(attempt, outcome)
    else:
        prompt, completion, estimated = usage.prompt_tokens, usage.completion_tokens or 0, False
        if usage.completion_tokens is None and attempt.streaming and call.kind.completion:
            completion, estimated = attempt.events, True  # broken off before it was counted
        if usage.prompt_tokens_details is not None or usage.completion_tokens_details is not None:
            cached, written, heard, thought, said = _details(usage)
    cost, version, tariff = 0, attempt.price_version, attempt.tariff
    if target.bills and (told := _told(attempt, usage)) is not None:
        cost, version = told, REPORTED
    elif tariff is not None and attempt.status == 200:
        cost = tariff.of(prompt, completion, cached, written, heard, said)
        if cost > MOST:
            cost = MOST
    elif (price := attempt.route.price) is not None:
        used = Tokens(
            prompt=prompt, completion=completion, cached=cached, cache_written=written, reasoning=thought,
            prompt_audio=heard, completion_audio=said,
        )  # fmt: skip
        cost = attempt_cost(price, used, attempt.status, attempt.wall)
    call.cost += cost
    owner = call.key.route
    lasted = monotonic() - attempt.started
    call.upstream_time += lasted
    record = AttemptClosed(
        call.request_id, call.attempts - 1, owner.id, call.asked, target.name, call.kind.name,
        attempt.wall, lasted, attempt.first_byte, attempt.status, outcome, prompt,
        completion, cached, estimated, attempt.streaming,
        owner.user or call.end_user, owner.team, owner.tags + call.named, written, thought, heard, said, cost,
        version, 0, "first" if call.reason is FIRST else call.reason.decode(), call.trace,
    )  # fmt: skip
    call.plane.close_attempt(record)
    # After the record: what is settled is in the journal, so a fold that begins later has it.
    if attempt.lease is not None:
        attempt.lease.settle(record)
    if call.held is not None:
        call.held.used(prompt + completion)
    if call.kind.keeps and outcome is OK:
        keep(attempt)
    _give_back(attempt)


def _give_back(attempt: Attempt) -> None:
    """Let others have the instance and the slot."""
    call, target = attempt.call, attempt.target
    if attempt.instance is not None:
        kept_for = call.keep_alive
        if kept_for is not None:
            kept_for = min(kept_for, target.route.keep_alive_most)
        call.plane.grants.release(attempt.instance, kept_for)
    if target.queue:
        call.plane.grants.slots.look(target)


def _details(usage: Usage) -> tuple[int, int, int, int, int]:
    """Tokens from a cache, into it, heard, thought and said."""
    cached = written = heard = thought = said = 0
    if (inside := usage.prompt_tokens_details) is not None:
        cached, written, heard = inside.cached_tokens or 0, inside.cache_write_tokens or 0, inside.audio_tokens or 0
    if (within := usage.completion_tokens_details) is not None:
        thought, said = within.reasoning_tokens or 0, within.audio_tokens or 0
    return cached, written, heard, thought, said


def tokens_of(usage: Usage) -> Tokens:
    """The tokens of a usage, as prices tell them apart."""
    cached, written, heard, thought, said = _details(usage)
    return Tokens(
        prompt=usage.prompt_tokens, completion=usage.completion_tokens or 0, cached=cached, cache_written=written,
        reasoning=thought, prompt_audio=heard, completion_audio=said,
    )  # fmt: skip


def _told(attempt: Attempt, usage: Usage | None) -> int | None:
    """What the provider says it costs, in nano-dollars; None where it does not."""
    if isinstance(usage, Billed):
        return usage.nano
    return in_head(attempt.head) if HEADER in attempt.target.route.quirks and not attempt.streaming else None


def _guessed(attempt: Attempt, outcome: Outcome) -> tuple[int, int, bool]:
    """(prompt, completion, estimated) when nobody reported any: guessed where an answer had begun, else zero."""
    if attempt.status != 200 and outcome is not Outcome.CLIENT_GONE:
        return 0, 0, False
    kind = attempt.call.kind
    prompt = completion = 0
    if kind.prompt:
        prompt = attempt.call.prompt
    if kind.completion:
        completion = attempt.events if attempt.streaming else estimate_tokens(attempt.size) if attempt.size else 0
    return prompt, completion, kind.prompt or kind.completion
