"""Signatures: the values that AWS publishes, and what every signature keeps."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.provider import AwsKeys
from glowplug.wire.sigv4 import Signer, authorization, canonical_path, canonical_query, canonical_request, signing_key

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = AwsKeys(access_key="AKIDEXAMPLE", secret_key=SECRET, region="us-east-1", service="service")
MOMENT = "20150830T123600Z"
HOST = ("Host", "example.amazonaws.com")
DATE = ("X-Amz-Date", MOMENT)
FORM = ("Content-Type", "application/x-www-form-urlencoded")
EMPTY = sha256(b"").hexdigest()


# The signatures of the cases of these names in AWS's test suite for Signature Version 4.
@pytest.mark.parametrize(
    ("method", "path", "query", "fields", "body", "signature"),
    [
        ("GET", "/", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", "/", "Param2=value2&Param1=value1", [], b"",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("GET", "/ሴ", "", [], b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("POST", "/", "", [("My-Header1", "value1")], b"",
         "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
        ("POST", "/", "", [FORM], b"Param1=value1",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        ("GET", "/./", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", "/example/..", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", "//", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ],
    ids=["get-vanilla", "post-vanilla", "get-vanilla-query-order-key-case", "get-utf8", "post-header-key-sort",
         "post-x-www-form-urlencoded", "get-slash-dot-slash", "get-relative", "get-slash"],
)  # fmt: skip
def test_the_values_that_are_published(
    method: str, path: str, query: str, fields: list[tuple[str, str]], body: bytes, signature: str
) -> None:
    value = authorization(KEYS, MOMENT, method, path, query, [HOST, *fields, DATE], sha256(body).hexdigest())
    assert value.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ")
    assert value.rpartition("Signature=")[2] == signature


def test_the_example_of_the_user_guide() -> None:
    keys = AwsKeys(access_key="AKIDEXAMPLE", secret_key=SECRET, region="us-east-1", service="iam")
    assert signing_key(keys, "20150830").hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    fields = [("host", "iam.amazonaws.com"), ("content-type", FORM[1] + "; charset=utf-8"), DATE]
    value = authorization(keys, MOMENT, "GET", "/", "Action=ListUsers&Version=2010-05-08", fields, EMPTY)
    assert "SignedHeaders=content-type;host;x-amz-date" in value
    assert value.endswith("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")


def test_values_of_fields_are_trimmed_and_joined() -> None:
    text, names = canonical_request("GET", "/", "", [("B", "  x   y "), ("a", "1"), ("b", "2")], EMPTY)
    assert (names, text.split("\n")[3:5]) == ("a;b", ["a:1", "b:x y,2"])


HEAD = b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: h.example\r\ncontent-length: "


def lines(signer: Signer, body: bytes = b"{}", head: bytes = HEAD, now: float = 1440938160.0) -> dict[str, str]:
    text = signer.lines(head, body, now).decode()
    assert text.endswith("\r\n")
    return dict(line.split(": ", 1) for line in text[:-2].split("\r\n"))


def test_the_lines_of_a_request() -> None:
    made = lines(Signer(KEYS, "h.example"))
    assert list(made) == ["x-amz-date", "x-amz-content-sha256", "authorization"]
    assert (made["x-amz-date"], made["x-amz-content-sha256"]) == (MOMENT, sha256(b"{}").hexdigest())
    fields = [("host", "h.example"), ("x-amz-date", MOMENT), ("x-amz-content-sha256", made["x-amz-content-sha256"])]
    digest = made["x-amz-content-sha256"]
    path = "/openai/v1/chat/completions"
    assert made["authorization"] == authorization(KEYS, MOMENT, "POST", path, "", fields, digest)
    assert SECRET not in str(made) and SECRET not in repr(KEYS)


def test_a_session_token_is_sent_and_signed() -> None:
    keys = AwsKeys(access_key="A", secret_key="s", session_token="tok", region="r", service="bedrock")
    made = lines(Signer(keys, "h"))
    assert made["x-amz-security-token"] == "tok"
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token," in made["authorization"]


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_another_body_is_another_signature(one: bytes, other: bytes) -> None:
    signer = Signer(KEYS, "h")
    assert (lines(signer, one)["authorization"] == lines(signer, other)["authorization"]) is (one == other)


@given(st.lists(st.tuples(st.text("abAB01-_.~ %&=+", min_size=1), st.text("ab=%+ /")), max_size=4))
def test_the_order_of_a_query_does_not_matter(pairs: list[tuple[str, str]]) -> None:
    from urllib.parse import quote

    written = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs]
    shuffled = sorted(written, key=lambda pair: sha256(pair.encode()).digest())
    assert canonical_query("&".join(written)) == canonical_query("&".join(shuffled))
    assert re.fullmatch(r"[A-Za-z0-9\-_.~%&=]*", canonical_query("&".join(written)))


@given(st.text("ab/.% é", max_size=20))
def test_a_path_is_absolute_and_has_no_dots_to_follow(path: str) -> None:
    made = canonical_path(path)
    assert made.startswith("/") and "//" not in made
    assert not {".", ".."} & set(made.split("/"))
