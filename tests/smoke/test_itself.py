"""The server itself: what it promises, what it need not have, and what is wrong with it."""

from __future__ import annotations

import pytest

from glowplug.smoke.itself import Itself, Kind
from glowplug.smoke.probes import Answer
from glowplug.smoke.report import Outcome
from glowplug.testing.clock import VirtualClock
from tests.smoke.test_run import HTML, Played, odd, said

PAGE = said(b'<script src="/ui/assets/a.js"></script>', **HTML)


def check(name: str, path: str, answer: Answer | Exception, kind: Kind = Kind.GLOWPLUG) -> tuple[Outcome, str]:
    """One check, where one path answers so."""
    found = Itself(Played(odd(path, answer)), VirtualClock(), lambda title: None, kind, keyed=True).check()
    (one,) = [one for one in found if one.check == name]
    return one.outcome, one.detail


@pytest.mark.parametrize(("path", "answer", "outcome", "detail"), [
    ("/ui/assets", said(b"x" * 4096, **{"content-type": "text/javascript"}), Outcome.OK, "its program has 4 KiB"),
    ("/ui/", said(b"<h1>The admin UI is not built here</h1>", 503, **HTML), Outcome.SKIPPED, "`make ui` builds it"),
    ("/ui/", said({"error": "x"}, 503), Outcome.FAILED, "status 503 and no page: x"),
    ("/ui/", said({}, 200), Outcome.FAILED, "status 200 and no page"),
    ("/ui/", said(b"<html>", **HTML), Outcome.FAILED, "the page has no program"),
    ("/ui/assets", said({}, 404), Outcome.FAILED, "status 404 and no program at /ui/assets/index-1.js"),
    ("/ui/assets", OSError("reset"), Outcome.FAILED, "no answer: reset"),
])  # fmt: skip
def test_the_page(path: str, answer: Answer | Exception, outcome: Outcome, detail: str) -> None:
    how, why = check("the page is served", path, answer)
    assert how is outcome and detail in why


def test_a_login_that_lets_in_whom_it_should_not_fails() -> None:
    assert check("the login answers", "/auth/login", said({"user": "x"}))[0] is Outcome.FAILED
    assert check("the login answers", "/auth/login", said({}, 429))[0] is Outcome.OK


def test_what_another_gateway_need_not_have() -> None:
    for name, path in (
        ("the page is served", "/ui/"), ("the login answers", "/v2/login"), ("metrics are scraped", "/metrics/"),
    ):  # fmt: skip
        assert check(name, path, said({}, 404), Kind.LITELLM) == (Outcome.SKIPPED, "it has none")
        assert check(name, path, said({}, 500), Kind.LITELLM)[0] is Outcome.FAILED


def test_a_server_that_wants_no_key_is_not_blamed_for_serving_any() -> None:
    def alone(*, keyed: bool) -> tuple[Outcome, str]:
        server = Played(odd("/v1/models", said({"data": []})))
        (only,) = Itself(server, VirtualClock(), lambda title: None, Kind.OTHER, keyed=keyed).check()
        return only.outcome, only.detail

    assert alone(keyed=False) == (Outcome.SKIPPED, "it wants no key")
    assert alone(keyed=True) == (Outcome.FAILED, "status 200 instead of 401")


@pytest.mark.parametrize(("answer", "outcome", "detail"), [
    (said({}, 404), Outcome.SKIPPED, "nobody logs in here"),
    (said({"error": "no"}, 500), Outcome.FAILED, "an invitation: status 500 instead of 201: no"),
    (OSError("reset"), Outcome.FAILED, "no answer: reset"),
])  # fmt: skip
def test_somebody_logs_in_and_out(answer: Answer | Exception, outcome: Outcome, detail: str) -> None:
    assert check("somebody logs in and out", "/admin/invitations", answer) == (outcome, detail)


def test_a_litellm_without_a_database_refuses_keys_in_its_own_way() -> None:
    refusal = said({"error": {"message": "No connected db.", "type": "no_db_connection", "code": "400"}}, 400)
    name = "a wrong key is refused"
    assert check(name, "/v1/models", refusal, Kind.LITELLM) == (Outcome.OK, "with 400, for it has no database")
    assert check(name, "/v1/models", refusal)[0] is Outcome.FAILED
