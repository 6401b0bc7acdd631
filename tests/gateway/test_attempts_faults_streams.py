"""Faults F3 and F4 (docs/design/faults.md): streams that come slowly, cut oddly, malformed, or without their end."""

from __future__ import annotations

from time import monotonic

import pytest

from glowplug.domain.snapshot import AliasRoute
from glowplug.testing.fault_dialects import COMPLETION, DIALECTS, DONE, PROMPT, TEXT
from glowplug.testing.fault_scripts import (
    MALFORMED,
    giant_line,
    pieces_of,
    slice_all,
    stalled,
    with_crlf,
)
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.wires import HI, NATIVE, ROADS, TRANSLATED, Road, Seen, by_road, check_counted, two

CHAT = Road("chat", "chat")
OF_CHAT = tuple(road for road in ROADS if road.target == "chat")
SOME = (*NATIVE, TRANSLATED[0])
"""For what takes its time: every wire, and one translation."""
DRIP = 0.03
"""Seconds between two pieces of a drip."""


# ---- F3


@by_road(SOME)
def test_f3_a_slow_drip_is_waited_for_longer_than_any_of_its_gaps(live: Run, road: Road) -> None:
    """Idle is one thing, all time together another: neither the limit of the alias ends a stream that has begun, nor
    the idle limit one that goes on."""

    async def test(live: Live) -> None:
        said = road.said
        size = 1 + sum(map(len, said.frames)) // 25
        drip = slice_all(pieces_of(*said.frames, media=said.media), size, DRIP)
        async with FaultUpstream(drip) as upstream:
            route = road.route("a", upstream.port, idle_timeout=0.4)
            live.serve(route, aliases=(AliasRoute(name="ab", targets=("a",), timeout=0.3),))
            began = monotonic()
            seen = await road.ask(live, "ab")
            assert monotonic() - began > 0.6, "it was no drip"
            seen.check_whole()
            check_counted(live, "ok")

    live(test)


@by_road()
def test_f3_a_stall_after_the_first_word_ends_after_the_idle_time(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        async with (
            FaultUpstream(stalled(*said.begun, media=said.media)) as bad,
            FaultUpstream(road.good()) as good,
        ):
            live.serve(
                road.route("a", bad.port, idle_timeout=0.1, first_byte_timeout=60.0), road.route("b", good.port),
                aliases=(AliasRoute(name="ab", targets=("a", "b")),),
            )  # fmt: skip
            seen = await road.ask(live, "ab")
            seen.check_broken()
            assert "timeout" in str(seen.errors[0])
            check_counted(live, "timeout")
            assert good.requests == []
            await bad.ended(1)

    live(test)


@by_road(SOME)
def test_f3_a_stall_before_the_first_word_is_the_next_targets_turn(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        async with (
            FaultUpstream(stalled(media=road.said.media)) as bad,
            FaultUpstream(road.good()) as good,
        ):
            live.serve(
                road.route("a", bad.port, idle_timeout=60.0, first_byte_timeout=0.1), road.route("b", good.port),
                aliases=(AliasRoute(name="ab", targets=("a", "b")),),
            )  # fmt: skip
            seen = await road.ask(live, "ab")
            seen.check_whole()
            assert seen.model == "b"
            check_counted(live, "timeout", "ok")

    live(test)


# ---- F4


CUTS = {
    "one by one": lambda road: slice_all(pieces_of(*road.said.frames, media=road.said.media)),
    "in threes": lambda road: slice_all(pieces_of(*road.said.frames, media=road.said.media), 3),
    "a chunk a byte": lambda road: pieces_of(
        *[bytes((byte,)) for byte in b"".join(road.said.frames)], media=road.said.media
    ),
    "all at once": lambda road: pieces_of(b"".join(road.said.frames), media=road.said.media),
    "CRLF": lambda road: pieces_of(*map(with_crlf, road.said.frames), media=road.said.media),
    "CRLF one by one": lambda road: slice_all(pieces_of(*map(with_crlf, road.said.frames), media=road.said.media)),
}
"""Ways of the same bytes (or lines) to the gateway; all split the letters that are no ASCII."""


@pytest.mark.parametrize("cut", CUTS)
@by_road()
def test_f4_however_it_is_cut_it_says_and_counts_the_same(live: Run, road: Road, cut: str) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(CUTS[cut](road)) as upstream:
            two(live, road, upstream, upstream)
            seen = await road.ask(live, "a")
            seen.check_whole()
            assert seen.ended
            check_counted(live, "ok")
            if road.native and road.client != "ollama":
                frames = map(with_crlf, road.said.frames) if cut.startswith("CRLF") else road.said.frames
                assert seen.answer.body == b"".join(frames), "what is not translated passes byte for byte"

    live(test)


@pytest.mark.parametrize("cut", CUTS)
def test_f4_what_the_client_did_not_ask_for_is_left_out_however_it_is_cut(live: Run, cut: str) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(CUTS[cut](CHAT)) as upstream:
            two(live, CHAT, upstream, upstream)
            answer = await live.ask({"model": "a", "messages": HI, "stream": True})
            seen = Seen("chat", answer, True)
            seen.check_whole()
            assert seen.ended and b'"usage"' not in answer.body
            check_counted(live, "ok")

    live(test)


ENDS = [pytest.param(road, name, id=f"{road}: {name}") for road in ROADS for name in DIALECTS[road.target].ends]


@pytest.mark.parametrize(("road", "name"), ENDS)
def test_f4_usage_is_found_in_whatever_event_ends_the_stream(live: Run, road: Road, name: str) -> None:
    async def test(live: Live) -> None:
        said = road.said
        async with FaultUpstream(pieces_of(*said.ends[name], media=said.media)) as upstream:
            two(live, road, upstream, upstream)
            seen = await road.ask(live, "a")
            if road.native and road.client != "ollama":
                assert seen.answer.body == b"".join(said.ends[name])
            if name == "failed" and not road.native:
                seen.check_broken()
                (end,) = live.journal.ends
                assert (end.prompt_tokens, end.completion_tokens) == (PROMPT, COMPLETION), "it was counted all the same"
                return
            assert (seen.status, seen.cut, seen.text) == (200, False, TEXT)
            assert seen.ended is not (name == "no DONE" and road.native), (
                "no end is made up where nothing is translated"
            )
            check_counted(live, "ok")

    live(test)


SKIPPED = {"no field", "unknown field", "no data"}
"""Events that the standard has a reader pass over."""


@pytest.mark.parametrize("name", MALFORMED)
@by_road(OF_CHAT)
def test_f4_a_malformed_event_passes_as_it_is_or_ends_a_translation(live: Run, road: Road, name: str) -> None:
    async def test(live: Live) -> None:
        said = road.said
        frames = (*said.begun, MALFORMED[name], *said.frames[len(said.begun) :])
        async with FaultUpstream(pieces_of(*frames)) as upstream:
            two(live, road, upstream, upstream)
            seen = await road.ask(live, "a")
            if road.native:
                assert seen.answer.body == b"".join(frames)
            if road.native or name in SKIPPED:
                seen.check_whole()
                assert seen.ended
                check_counted(live, "ok")
            else:
                seen.check_broken()
                check_counted(live, "upstream_error")

    live(test)


@by_road(tuple(road for road in ROADS if road.target == "ollama"))
def test_f4_a_malformed_line_ends_the_answer(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        frames = (*said.begun, b"{not json}\n", *said.frames[1:])
        async with FaultUpstream(pieces_of(*frames, media=said.media)) as upstream:
            two(live, road, upstream, upstream)
            (await road.ask(live, "a")).check_broken()
            check_counted(live, "upstream_error")

    live(test)


@pytest.mark.parametrize("mebibytes", [2, 5])
@by_road(OF_CHAT)
def test_f4_a_giant_line_passes(live: Run, road: Road, mebibytes: int) -> None:
    size = mebibytes << 20

    async def test(live: Live) -> None:
        said = road.said
        frames = (*said.begun, giant_line(size), *said.frames[len(said.begun) :])
        async with FaultUpstream(pieces_of(*frames)) as upstream:
            two(live, road, upstream, upstream)
            seen = await road.ask(live, "a")
            assert (seen.cut, seen.errors, len(seen.text)) == (False, [], len(TEXT) + size)
            assert seen.ended
            check_counted(live, "ok")

    live(test)


@by_road(tuple(road for road in TRANSLATED if road.target == "chat"))
def test_f4_a_line_without_end_is_given_up(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        async with FaultUpstream(pieces_of(*said.begun, giant_line(9 << 20)[:-2])) as upstream:
            two(live, road, upstream, upstream)
            seen = await road.ask(live, "a")
            seen.check_broken()
            assert "longer than" in str(seen.errors[0])

    live(test)


@by_road(NATIVE)
def test_f4_comments_pass_and_are_no_content(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        comment = b": keep-alive\n\n" if road.client != "ollama" else b"\n"
        frames = [part for frame in said.frames for part in (comment, frame)]
        async with FaultUpstream(pieces_of(*frames, media=said.media)) as upstream:
            two(live, road, upstream, upstream)
            seen = await road.ask(live, "a")
            seen.check_whole()
            assert seen.ended
            check_counted(live, "ok")

    live(test)


def test_f4_the_end_mark_may_be_spelled_without_its_space(live: Run) -> None:
    async def test(live: Live) -> None:
        frames = (*DIALECTS["chat"].frames[:-1], DONE.replace(b": ", b":"))
        async with FaultUpstream(pieces_of(*frames)) as upstream:
            two(live, CHAT, upstream, upstream)
            seen = await CHAT.ask(live, "a")
            seen.check_whole()
            assert seen.ended
            check_counted(live, "ok")

    live(test)
