"""Requests reach the upstream byte for byte but for the model's name, and its answers reach the client so."""

from __future__ import annotations

import pytest

from glowplug.domain.model import Capability
from tests.gateway.rig import END, STREAM_HEAD, Rig, cloud, snapshot

ALL = tuple(Capability)
CHAT = "/v1/chat/completions"
IMAGE = '{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"}}'
TOOL = (
    '{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object", '
    '"properties": {"model": {"type": "string", "default": "m"}}, "required": ["model"]}}}'
)
CALLS = '[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\\"model\\": \\"m\\"}"}}]'

REQUESTS = {
    "tools": (CHAT, f'"messages":[],"tools":[{TOOL}],"tool_choice":"required","parallel_tool_calls":false'),
    "answers of tools": (
        CHAT,
        f'"messages":[{{"role":"assistant","content":null,"tool_calls":{CALLS}}},'
        '{"role":"tool","tool_call_id":"c1","content":"\\ud83d\\ude00 \\u00e4"}]',
    ),
    "images": (CHAT, f'"messages":[{{"role":"user","content":[{{"type":"text","text":"ä"}},{IMAGE}]}}]'),
    "audio": (
        CHAT,
        '"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"},"messages":[{"role":"user","content":'
        '[{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}]}]',
    ),
    "response_format": (
        CHAT,
        '"messages":[],"response_format":{"type":"json_schema","json_schema":{"name":"s","strict":true,"schema":'
        '{"type":"object","properties":{"model":{"const":"m"}}}}}',
    ),
    "logprobs": (CHAT, '"messages":[],"logprobs":true,"top_logprobs":20,"logit_bias":{"50256":-100}'),
    "n": (CHAT, '"messages":[],"n":8,"best_of":8,"seed":18446744073709551615,"temperature":1.0e0,"top_p":0.10'),
    "reasoning": (
        CHAT,
        '"messages":[{"role":"assistant","reasoning_content":"hm","reasoning":"hm","content":"x"}],'
        '"reasoning_effort":"high","reasoning":{"max_tokens":9},"chat_template_kwargs":{"enable_thinking":false}',
    ),
    "unknown members": (CHAT, '"messages":[],"x-own":{"b":1,"a":[ ]},"nvext":null,"cache_prompt":true'),
    "a stream with usage": (CHAT, '"messages":[],"stream":true,"stream_options":{"include_usage":true,"x":1}'),
    "completions": ("/v1/completions", '"prompt":[1,2,3],"suffix":"}","echo":true,"logprobs":5,"n":2'),
    "token arrays": ("/v1/embeddings", '"input":[[1,2,3],[100257]],"encoding_format":"base64","dimensions":64'),
    "base64": ("/v1/embeddings", '"input":["a","\\u0000"],"encoding_format":"base64"'),
    "responses": (
        "/v1/responses",
        '"input":[{"role":"user","content":[{"type":"input_text","text":"x"}]}],"store":false,'
        '"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low","summary":"auto"},"text":{"verbosity":"low"}',
    ),
    "messages": (
        "/v1/messages",
        '"max_tokens":9,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":'
        '[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}],"tools":[{"name":"model","input_schema":{}}]',
    ),
    "pictures": ("/v1/images/generations", '"prompt":"x","n":2,"size":"1024x1024","background":"transparent"'),
}


def _rig(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("m", capabilities=ALL),), aliases=()))


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    "layout", ['{{"model":"{m}",{rest}}}', '{{ {rest} ,\n\t"model" : "{m}" }}'], ids=["first", "last"]
)
def test_a_request_goes_as_it_came(rig: Rig, name: str, layout: str) -> None:
    _rig(rig)
    path, rest = REQUESTS[name]
    rig.ask(layout.format(m="m", rest=rest).encode(), path=path)
    sent = rig.up("m").request.partition(b"\r\n\r\n")[2]
    assert sent == layout.format(m="up-m", rest=rest).encode()
    rig.reply(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


ANSWERS = {
    "tools": (
        CHAT,
        f'{{"choices":[{{"finish_reason":"tool_calls","message":{{"content":null,"tool_calls":{CALLS}}}}}]}}',
    ),
    "n, logprobs": (
        CHAT,
        '{ "choices":[{"index":1,"logprobs":{"content":[{"token":"\\u00e4","logprob":-0.0e-10}]}}]}\n',
    ),
    "reasoning": (
        CHAT,
        '{"choices":[{"message":{"reasoning_content":"hm","content":"x"}}],"usage":{"prompt_tokens":1}}',
    ),
    "audio": (CHAT, '{"choices":[{"message":{"audio":{"id":"a","data":"UklGRg==","expires_at":1}}}]}'),
    "base64": ("/v1/embeddings", '{"data":[{"embedding":"AAAAAAAA8D8=","index":0}],"model":"up-m"}'),
    "numbers": ("/v1/embeddings", '{"data":[{"embedding":[1.0,-1e-7,0.10000000149011612]}]}'),
    "not JSON": (CHAT, "<html>\x00</html>"),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("status", [200, 400, 422])
def test_an_answer_comes_as_it_was_given(rig: Rig, name: str, status: int) -> None:
    _rig(rig)
    path, text = ANSWERS[name]
    client = rig.ask({"model": "m", "input": "x", "messages": []}, path=path)
    data = text.encode()
    rig.reply(b"HTTP/1.1 %d X\r\ncontent-type: a/b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(data), data))
    assert (client.answer.status, client.answer.body) == (status, data)
    assert client.answer.headers["content-type"] == "a/b"


STREAMS = {
    "tool calls": (
        'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f"}}]}}]}',
        'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"mo"}}]}}]}',
        'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}',
    ),
    "reasoning": ('data: {"choices":[{"delta":{"reasoning_content":"h\\u006d"}}]}', 'data:{"choices":[{"delta":{}}]}'),
    "n": ('data: {"choices":[{"index":1,"delta":{"content":"x"},"logprobs":null}]}', ": a comment\n: and another"),
    "several lines": ("event: x\nid: 7\nretry: 1\ndata: {\ndata: }",),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_comes_as_it_was_given(rig: Rig, name: str, size: int) -> None:
    _rig(rig)
    client = rig.ask({"model": "m", "messages": [], "stream": True, "stream_options": {"include_usage": True}})
    rest = ('data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}', "data: [DONE]")
    text = "".join(f"{event}\n\n" for event in (*STREAMS[name], *rest)).encode()
    rig.reply(STREAM_HEAD)
    for at in range(0, len(text), size):
        piece = text[at : at + size]
        rig.up().say(b"%x\r\n%b\r\n" % (len(piece), piece))
    rig.reply(END)
    assert client.answer.body == text
    assert client.answer.complete
    assert [(r.prompt_tokens, r.completion_tokens) for r in rig.journal.ends] == [(1, 2)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("stream", [False, True])
def test_a_redirection_is_not_followed(rig: Rig, status: int, stream: bool) -> None:
    _rig(rig)
    client = rig.ask({"model": "m", "messages": [], "stream": stream})
    rig.reply(b"HTTP/1.1 %d X\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n" % status)
    assert client.answer.status == 502, "an error of the upstream, whose place is nobody's business"
    assert "location" not in client.answer.headers
    assert len(rig.ups) == 1
    assert rig.up().request.count(b"HTTP/1.1") == 1, "nothing more was asked there either"
