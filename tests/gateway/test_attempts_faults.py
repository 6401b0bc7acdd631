"""Faults F1 and F2 (docs/design/faults.md): an upstream that is reset before it has said anything, and after."""

from __future__ import annotations

import asyncio

import pytest

from glowplug.testing.fault_dialects import PROMPT
from glowplug.testing.fault_scripts import (
    Close,
    Reset,
    Send,
    Steps,
    Wait,
    error_inside,
    garbage,
    head,
    pieces_of,
    plain,
    reset_after,
    typed,
)
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.wires import CHAINED, NATIVE, ROADS, TRANSLATED, Road, by_road, check_counted, two

NOTHING_SAID: dict[str, Steps] = {
    "reset before headers": (Reset(),),
    "closed before headers": (Close(),),
    "reset in headers": (Send(b"HTTP/1.1 200 OK\r\ncontent-ty"), Reset()),
    "reset after headers": (
        Send(head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})),
        Reset(),
    ),
    "no HTTP": garbage(),
}


def check_free(live: Live, road: Road) -> None:
    """What was no answer costs nothing; lines of Ollama's are read as they come, and those engines cost nothing."""
    assert road.target == "ollama" or all(end.cost == 0 for end in live.journal.ends if end.outcome != "ok")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", NOTHING_SAID)
@by_road()
def test_f1_the_next_target_answers_and_is_the_only_one_charged(
    live: Run, road: Road, fault: str, stream: bool
) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(NOTHING_SAID[fault]) as bad, FaultUpstream(road.good(stream=stream)) as good:
            two(live, road, bad, good)
            seen = await road.ask(live, "ab", stream=stream)
            seen.check_whole()
            assert seen.model == "b"
            assert seen.ended or not stream
            check_counted(live, "upstream_error", "ok")
            first, _ = live.journal.ends
            assert (first.completion_tokens, first.attempt) == (0, 0)
            assert fault == "reset after headers" or first.cost == 0
            assert (len(bad.requests), len(good.requests)) == (1, 1), "nobody was asked twice"

    live(test)


@by_road()
def test_f1_alone_it_is_an_error_in_the_clients_words(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream((Reset(),)) as bad:
            two(live, road, bad, bad)
            seen = await road.ask(live, "a")
            assert (seen.status, len(seen.errors), seen.cut) == (502, 1, False)
            check_counted(live, "upstream_error")
            assert len(bad.requests) == 1

    live(test)


@by_road(ROADS + CHAINED)
def test_f2_after_the_first_word_the_client_is_told_and_nobody_else_is_asked(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        async with (
            FaultUpstream(reset_after(*said.begun, media=said.media)) as bad,
            FaultUpstream(road.good()) as good,
        ):
            two(live, road, bad, good)
            talk = await road.talk(live, "ab")
            await talk.until("Gr")
            bad.let("cut")
            seen = await talk.rest()
            seen.check_broken()
            assert seen.model == "a"
            check_counted(live, "upstream_error")
            (end,) = live.journal.ends
            assert end.completion_tokens > 0 and end.prompt_tokens > 0, "what has come is counted"
            assert good.requests == []

    live(test)


@by_road()
def test_f2_an_end_of_the_connection_is_no_end_of_the_answer(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        steps = (*pieces_of(*said.begun, media=said.media)[:-1], Wait("go"), Close())
        async with FaultUpstream(steps) as bad:
            two(live, road, bad, bad)
            talk = await road.talk(live, "a")
            await talk.until("Gr")
            bad.let("go")
            (await talk.rest()).check_broken()
            check_counted(live, "upstream_error")

    live(test)


@by_road(TRANSLATED)
def test_f2_a_clean_end_in_the_middle_of_an_answer_is_none(live: Run, road: Road) -> None:
    """Where it is translated the end has to be written, so it has to have come."""

    async def test(live: Live) -> None:
        said = road.said
        async with FaultUpstream(pieces_of(*said.begun, media=said.media)) as bad:
            two(live, road, bad, bad)
            (await road.ask(live, "a")).check_broken()
            check_counted(live, "upstream_error")

    live(test)


@by_road(tuple(road for road in ROADS if road.target in ("chat", "messages", "ollama")))
def test_f2_an_error_event_of_the_upstream_reaches_the_client_as_one_of_its_wire(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        async with FaultUpstream(pieces_of(*said.begun, said.error, media=said.media)) as bad:
            two(live, road, bad, bad)
            seen = await road.ask(live, "a")
            assert seen.ends == [] and len(seen.errors) == 1
            assert "the model crashed" in str(seen.errors[0])

    live(test)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@by_road()
def test_a_redirect_is_the_upstreams_error(live: Run, road: Road, stream: bool) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(road.good(stream=stream)) as good, FaultUpstream(()) as elsewhere:
            away = (Send(head(307, {"location": f"{elsewhere.base_url}/x", "content-length": "0"})),)
            async with FaultUpstream(away) as bad:
                two(live, road, bad, good)
                seen = await road.ask(live, "ab", stream=stream)
                seen.check_whole()
                alone = await road.ask(live, "a", stream=stream)
                assert (alone.status, "location" in alone.answer.headers) == (502, False)
                check_counted(live, "upstream_error", "ok", "upstream_error")
                assert elsewhere.connections == 0, "it was followed"

    live(test)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@by_road()
def test_a_page_of_a_proxy_is_no_answer(live: Run, road: Road, stream: bool) -> None:
    async def test(live: Live) -> None:
        page = typed(b"<html>Sign in</html>", "text/html; charset=utf-8")
        async with FaultUpstream(page) as bad, FaultUpstream(road.good(stream=stream)) as good:
            two(live, road, bad, good)
            (await road.ask(live, "ab", stream=stream)).check_whole()
            alone = await road.ask(live, "a", stream=stream)
            assert (alone.status, len(alone.errors)) == (502, 1)
            check_counted(live, "upstream_error", "ok", "upstream_error")
            check_free(live, road)

    live(test)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@by_road()
def test_an_error_with_a_good_status_is_an_error(live: Run, road: Road, stream: bool) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(plain(error_inside())) as bad, FaultUpstream(road.good(stream=stream)) as good:
            two(live, road, bad, good)
            seen = await road.ask(live, "ab", stream=stream)
            alone = await road.ask(live, "a", stream=stream)
            if road.target == "responses" and road.native:  # a response that failed is one all the same
                assert (seen.model, alone.status) == ("a", 200)
                return
            seen.check_whole()
            assert (alone.status, len(alone.errors)) == (502, 1)
            assert road.target == "ollama" or "the model crashed" in str(alone.errors[0])
            check_counted(live, "upstream_error", "ok", "upstream_error")
            check_free(live, road)

    live(test)


@by_road(NATIVE[:2])
def test_the_clients_own_fault_is_not_taken_elsewhere(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(plain(error_inside("too long", 400))) as bad:
            two(live, road, bad, bad)
            seen = await road.ask(live, "ab", stream=False)
            assert "too long" in str(seen.errors[0])
            assert len(bad.requests) == 1

    live(test)


@by_road(tuple(road for road in ROADS if road.target == "chat"))
def test_an_error_as_the_first_event_of_a_stream_goes_to_the_next_target(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(pieces_of(road.said.error)) as bad, FaultUpstream(road.good()) as good:
            two(live, road, bad, good)
            seen = await road.ask(live, "ab")
            seen.check_whole()
            assert (seen.model, seen.ended) == ("b", True)
            check_counted(live, "upstream_error", "ok")

    live(test)


LONG = 300


@pytest.mark.parametrize("how", ["reset", "left"])
@by_road(tuple(road for road in ROADS if road.target == "messages"))
def test_f2_what_the_start_of_a_message_counts_is_not_what_was_said(live: Run, road: Road, how: str) -> None:
    """`message_start` says one token, whatever comes; the count is in `message_delta`, which never came here."""

    async def test(live: Live) -> None:
        said = road.said
        more = [said.begun[-1].replace("Grüße".encode(), b"more")] * LONG
        async with FaultUpstream(
            reset_after(*said.begun, *more, said.begun[-1].replace("Grüße".encode(), b"enough"))
        ) as bad:
            two(live, road, bad, bad)
            talk = await road.talk(live, "a")
            await talk.until("enough")
            if how == "reset":
                bad.let("cut")
                assert (await talk.rest()).ends == []
            else:
                talk.writer.transport.abort()
                await bad.ended(1)
            while not live.journal.ends:
                await asyncio.sleep(0.005)
            (end,) = live.journal.ends
            assert end.prompt_tokens == PROMPT
            assert LONG < end.completion_tokens < LONG + 20 and end.estimated

    live(test)
