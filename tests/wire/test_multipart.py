"""Forms: the model is found and replaced in the bytes as they came; what could be read in two ways is refused."""

from __future__ import annotations

import email.parser
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.wire.multipart import PARTS, peek

TYPE = b"multipart/form-data; boundary=XX"


def part(name: str, value: bytes, more: str = "", fields: str = "") -> bytes:
    return b'--XX\r\nContent-Disposition: form-data; name="%b"%b\r\n%b\r\n%b\r\n' % (
        name.encode(),
        more.encode(),
        fields.encode(),
        value,
    )


SOUND = part("file", b"RIFF\r\n\x00--X\r\n--X\xff", '; filename="a.wav"', "Content-Type: audio/wav\r\n")
END = b"--XX--\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + END


@pytest.mark.parametrize("parts", [(SOUND, part("model", b"m")), (part("model", b"m"), SOUND), (part("model", b"m"),)])
def test_the_model_is_read_and_replaced(parts: tuple[bytes, ...]) -> None:
    found = peek(form(*parts), TYPE)
    assert (found.model, found.raw_model, found.stream, found.wants_usage) == ("m", b'"m"', False, False)
    replaced = [p.replace(b"\r\nm\r\n", b"\r\nwhisper-\xc3\xa9\r\n") if b'"model"' in p else p for p in parts]
    assert found.spliced('"whisper-é"'.encode()) == form(*replaced)


@pytest.mark.parametrize(("said", "stream"), [
    (b"true", True), (b"True", True), (b"1", True), (b"false", False), (b"0", False), (b"", False),
])  # fmt: skip
def test_streams(said: bytes, stream: bool) -> None:
    assert peek(form(part("model", b"m"), part("stream", said)), TYPE).stream is stream


@pytest.mark.parametrize(
    "content_type",
    [
        b'multipart/form-data; boundary="XX"',
        b"Multipart/Form-Data;boundary=XX",
        b"multipart/form-data; charset=x; boundary=XX",
        b"multipart/form-data; BOUNDARY=XX ; a=b",
    ],
)
def test_ways_to_name_the_boundary(content_type: bytes) -> None:
    assert peek(form(part("model", b"m")), content_type).model == "m"


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"application/json",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/mixed; boundary=XX",
        b"multipart/form-data; boundary=XX; boundary=YY",
        b'multipart/form-data; boundary="X\\X"',
        b"multipart/form-data; boundary=" + b"X" * 71,
        b'multipart/form-data; boundary="XX "',
        b"multipart/form-data; boundary*0=XX",
        b"multipart/form-data; boundary=XX; boundary*=YY",
    ],
)
def test_no_boundary_or_two(content_type: bytes) -> None:
    with pytest.raises(RequestError):
        peek(form(part("model", b"m")), content_type)


GOOD = part("model", b"m")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--XX",
        b"--XX--",
        GOOD,
        form(SOUND),
        b"preamble\r\n" + form(GOOD),
        form(GOOD) + b"epilogue",
        form(GOOD, GOOD),
        form(GOOD, part("Model", b"x")),
        form(GOOD, part(" model", b"x")),
        form(GOOD, part("stream", b"perhaps")),
        form(GOOD, part("stream", b"true"), part("stream", b"false")),
        form(part("model", b"m" * 1025)),
        form(GOOD).replace(b"\r\n", b"\n"),
        form(GOOD).replace(b"--XX\r\n", b"--XX \r\n"),
        form(GOOD, b"--XXY\r\n\r\n\r\n"),
        form(part("model", b"\xff")),
        form(part("model", b"m", '; name="model"')),
        form(part("model", b"m", "; name*=utf-8''other")),
        form(part("model", b"m", "; name=other")),
        form(part("model", b"m", "", 'Content-Disposition: form-data; name="x"\r\n')),
        form(part("model", b"m", "", " folded\r\n")),
        form(part("model", b"m", "", "x" * 5000 + ": 1\r\n")),
        form(b'--XX\r\nContent-Disposition: attachment; name="model"\r\n\r\nm\r\n'),
        form(b"--XX\r\nA: b\r\n\r\nm\r\n"),
        form(b"--XX\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n"),
        form(GOOD, *[part(f"p{n}", b"") for n in range(PARTS)]),
        form(b"--XX\r\n\r\nm\r\n", GOOD),
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        peek(body, TYPE)
    assert caught.value.code == "invalid_body"


@given(
    st.lists(st.tuples(st.sampled_from(["file", "prompt", "a"]), st.binary(max_size=40)), max_size=4), st.integers(0, 4)
)
def test_another_reader_sees_the_same(fields: list[tuple[str, bytes]], place: int) -> None:
    if any(b"\r\n--XX" in b"\r\n" + value for _, value in fields):
        return
    parts = [part(name, value, '; filename="f"') for name, value in fields]
    parts.insert(place, part("model", b"m"))
    text = peek(form(*parts), TYPE).spliced(b'"other"')
    parsed = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + TYPE + b"\r\n\r\n" + text
    )
    models = [p for p in parsed.iter_parts() if p.get_param("name", header="content-disposition") == "model"]
    assert [p.get_payload() for p in models] == ["other"]
    assert len(list(parsed.iter_parts())) == len(fields) + 1


def test_work_is_bounded_by_the_body() -> None:
    body = part("file", b"\r\n--X" * 200_000) + form(GOOD)
    assert peek(body, TYPE).model == "m"
