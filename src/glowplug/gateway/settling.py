"""The end of an attempt: its record in the journal, and what it held is given back."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from glowplug.domain.usage import AttemptClosed, Outcome
from glowplug.gateway.kept import keep
from glowplug.wire.openai import Usage, estimate_tokens

if TYPE_CHECKING:
    from glowplug.gateway.attempts import Attempt


def settle(attempt: Attempt, outcome: Outcome, usage: Usage | None) -> None:
    """Close the record of an attempt that is not settled yet; before the client's last byte."""
    attempt.settled = True
    call, target = attempt.call, attempt.target
    target.active -= 1
    if call.reply.detached:
        outcome = Outcome.CLIENT_GONE
    if usage is not None:
        details = usage.prompt_tokens_details
        cached = (details.cached_tokens or 0) if details is not None else 0
        prompt, completion, estimated = usage.prompt_tokens, usage.completion_tokens or 0, False
    else:
        cached = 0
        prompt, completion, estimated = _guessed(attempt, outcome)
    owner = call.key.route
    lasted = monotonic() - attempt.started
    call.upstream_time += lasted
    record = AttemptClosed(
        call.request_id, call.attempts - 1, owner.id, call.asked, target.name, call.kind.name,
        attempt.wall, lasted, attempt.first_byte, attempt.status, outcome, prompt,
        completion, cached, estimated, attempt.streaming,
        user=owner.user or call.end_user, team=owner.team, tags=owner.tags, trace=call.trace,
    )  # fmt: skip
    call.plane.close_attempt(record)
    # After the record: what is settled is in the journal, so a fold that begins later has it.
    if attempt.lease is not None:
        attempt.lease.settle(record)
    if call.held is not None:
        call.held.used(prompt + completion)
    if call.kind.keeps and outcome is Outcome.OK:
        keep(attempt)
    if attempt.instance is not None:
        kept_for = call.keep_alive
        if kept_for is not None:
            kept_for = min(kept_for, target.route.keep_alive_most)
        call.plane.grants.release(attempt.instance, kept_for)
    if target.queue.entries:
        call.plane.grants.slots.look(target)


def _guessed(attempt: Attempt, outcome: Outcome) -> tuple[int, int, bool]:
    """(prompt, completion, estimated) when nobody reported any: guessed where an answer had begun, else zero."""
    if attempt.status != 200 and outcome is not Outcome.CLIENT_GONE:
        return 0, 0, False
    kind = attempt.call.kind
    prompt = completion = 0
    if kind.prompt:
        prompt = estimate_tokens(len(attempt.call.body.data))
    if kind.completion:
        completion = attempt.events if attempt.streaming else estimate_tokens(attempt.size) if attempt.size else 0
    return prompt, completion, kind.prompt or kind.completion
