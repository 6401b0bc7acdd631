from __future__ import annotations

import httpx


async def test_an_estimate_that_says_so(user: httpx.AsyncClient) -> None:
    words = "one two three four five six seven eight"
    counted = (await user.post("/utils/token_counter", json={"model": "chat-default", "prompt": words})).json()
    assert (counted["request_model"], counted["model_used"], counted["tokenizer_type"]) == (
        "chat-default", "local", "estimate",
    )  # fmt: skip
    assert 6 <= counted["total_tokens"] <= 14
    messages = [{"role": "user", "content": words}]
    more = (await user.post("/utils/token_counter", json={"model": "local", "messages": messages})).json()
    assert more["total_tokens"] > counted["total_tokens"]
    assert (await user.post("/utils/token_counter", json={"model": "local"})).status_code == 400
