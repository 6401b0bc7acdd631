"""Libraries and commands that programs are made of.

Settings by: the SDKs themselves, https://reference.langchain.com/python/langchain-openai,
https://llm.datasette.io/en/stable/other-models.html.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from glowplug.config.readers.foreign import Value
from glowplug.connect.base import Client, Edit, Form, Home, Items, Kind, Recipe, Text, Wanted
from glowplug.connect.terminals import OURS


def openai(wanted: Wanted, home: Home) -> Recipe:
    del home
    return Recipe(
        env=(("OPENAI_BASE_URL", wanted.v1), ("OPENAI_API_KEY", wanted.key)),
        texts=(
            Text("Python", "python", _OPENAI_PYTHON.format(model=wanted.model.name)),
            Text("JavaScript", "javascript", _OPENAI_JAVASCRIPT.format(model=wanted.model.name)),
        ),
        notes=("both read the variables; base_url and api_key (baseURL and apiKey) of the constructor say the same",),
    )


_OPENAI_PYTHON = """\
from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(model="{model}", messages=[{{"role": "user", "content": "Hello"}}])
print(answer.choices[0].message.content)
"""
_OPENAI_JAVASCRIPT = """\
import OpenAI from "openai";

const client = new OpenAI();
const answer = await client.chat.completions.create({{
  model: "{model}", messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.choices[0].message.content);
"""


def anthropic(wanted: Wanted, home: Home) -> Recipe:
    """Its base URL has no `/v1`."""
    del home
    return Recipe(
        env=(("ANTHROPIC_BASE_URL", wanted.url), ("ANTHROPIC_API_KEY", wanted.key)),
        texts=(Text("Python", "python", _ANTHROPIC_PYTHON.format(model=wanted.model.name)),),
    )


_ANTHROPIC_PYTHON = """\
from anthropic import Anthropic

client = Anthropic()
answer = client.messages.create(
    model="{model}", max_tokens=1024, messages=[{{"role": "user", "content": "Hello"}}]
)
print(answer.content[0].text)
"""


def langchain(wanted: Wanted, home: Home) -> Recipe:
    del home
    return Recipe(
        env=(("OPENAI_BASE_URL", wanted.v1), ("OPENAI_API_KEY", wanted.key)),
        texts=(Text("Python (langchain-openai)", "python", _LANGCHAIN.format(model=wanted.model.name)),),
        notes=(
            "OpenAIEmbeddings sends numbers of another tokenizer unless check_embedding_ctx_length=False",
            "LlamaIndex: OpenAILike of llama-index-llms-openai-like, with api_base, api_key and is_chat_model=True",
        ),
    )


_LANGCHAIN = """\
from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="{model}")
print(model.invoke("Hello").content)
"""


def llm(wanted: Wanted, home: Home) -> Recipe:
    """https://llm.datasette.io; keys are in a file of their own."""
    said = home.env.get("LLM_USER_PATH")
    folder = Path(said) if said else home.config / "io.datasette.llm"
    rows = tuple(_llm_model(model.name, wanted) for model in wanted.models)
    return Recipe(
        edits=(
            Edit(folder / "extra-openai-models.yaml", Form.YAML, Items("model_id", rows)),
            Edit(folder / "keys.json", Form.JSON, {OURS: wanted.key}, secret=True, only_secrets=True),
        ),
        texts=(Text("try it", "shell", f"llm -m {shlex.quote(f'{OURS}/{wanted.model.name}')} Hello\n"),),
    )


def _llm_model(name: str, wanted: Wanted) -> dict[str, Value]:
    return {
        "model_id": f"{OURS}/{name}",
        "model_name": name,
        "api_base": wanted.v1,
        "api_key_name": OURS,
        "supports_tools": True,
        "supports_schema": True,
    }


def curl(wanted: Wanted, home: Home) -> Recipe:
    del home
    body = json.dumps({"model": wanted.model.name, "messages": [{"role": "user", "content": "Hello"}]})
    return Recipe(
        texts=(
            Text(
                "a chat",
                "shell",
                f"curl {shlex.quote(wanted.v1 + '/chat/completions')} \\\n"
                f"  -H {shlex.quote(f'Authorization: Bearer {wanted.key}')} -H 'Content-Type: application/json' \\\n"
                f"  -d {shlex.quote(body)}\n",
            ),
            Text(
                "the models",
                "shell",
                f"curl {shlex.quote(wanted.v1 + '/models')} -H {shlex.quote(f'Authorization: Bearer {wanted.key}')}\n",
            ),
        ),
    )


OPENAI = Client(
    "openai", "OpenAI SDK", Kind.LIBRARY, "openai", openai, agents=("openai/", "asyncopenai/"),
)  # fmt: skip
ANTHROPIC = Client(
    "anthropic", "Anthropic SDK", Kind.LIBRARY, "anthropic", anthropic, agents=("anthropic/", "asyncanthropic/"),
)  # fmt: skip
LANGCHAIN = Client("langchain", "LangChain", Kind.LIBRARY, "openai", langchain)
LLM = Client(
    "llm", "llm", Kind.LIBRARY, "openai", llm,
    programs=("llm",), places=lambda home: (home.config / "io.datasette.llm",),
)  # fmt: skip
CURL = Client("curl", "curl", Kind.LIBRARY, "openai", curl, programs=("curl",), agents=("curl/",))
