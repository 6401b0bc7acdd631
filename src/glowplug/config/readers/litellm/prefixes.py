"""LiteLLM's providers by prefix (`openai/gpt-4o`): which row of our catalogue each is, or where it is reached.

Names, URLs and variables are those of LiteLLM 1.82.6 (`types/utils.py`, `get_llm_provider_logic.py`,
`llms/openai_like/providers.json`).  To add one, add its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """One provider of LiteLLM's."""

    name: str
    row: str = ""
    """Its row in our catalogue of providers."""
    url: str = ""
    """Where it is when the deployment does not say, for those without a row."""
    variables: tuple[str, ...] = ()
    """Where LiteLLM looks for its key; for those with a row beside the row's own."""
    bases: tuple[str, ...] = ()
    """Variables LiteLLM takes its `api_base` from."""
    tail: str = ""
    """What an `api_base` lacks of a base URL of OpenAI's wire."""
    native: bool = False
    """Its `api_base` is for a wire of its own; ours is the row's."""
    engine: str = ""
    """The engine of ours whose server this is."""
    only: tuple[str, ...] = ()
    """The endpoints it is used for."""
    refused: str = ""
    """Why it cannot be used."""


_GOOGLE: Final = "Google Cloud signs requests with short-lived tokens, which is not done here"
_AWS: Final = "SageMaker has a wire of its own, which is not spoken here"
_OWN: Final = "it has a wire of its own, which is not spoken here"
_INSIDE: Final = "it is no provider but a part of LiteLLM"


def _row(name: str, row: str = "", *variables: str, native: bool = False, bases: tuple[str, ...] = ()) -> Prefix:
    return Prefix(name=name, row=row or name, variables=variables, native=native, bases=bases)


def _at(name: str, url: str, *variables: str, only: tuple[str, ...] = ()) -> Prefix:
    return Prefix(name=name, url=url, variables=variables, only=only)


def _not(why: str, *names: str) -> tuple[Prefix, ...]:
    return tuple(Prefix(name=name, refused=why) for name in names)


_ROWS: Final = (
    _row("openai", bases=("OPENAI_BASE_URL", "OPENAI_API_BASE")),
    Prefix(name="text-completion-openai", row="openai", only=("completions",), bases=("OPENAI_BASE_URL",)),
    Prefix(name="azure", row="azure", variables=("AZURE_API_KEY",), tail="/openai/v1", bases=("AZURE_API_BASE",)),
    Prefix(name="azure_text", row="azure", tail="/openai/v1", only=("completions",), bases=("AZURE_API_BASE",)),
    Prefix(
        name="azure_ai", row="azure", variables=("AZURE_AI_API_KEY",), tail="/openai/v1", bases=("AZURE_AI_API_BASE",)
    ),
    Prefix(name="anthropic", row="anthropic", tail="/v1", bases=("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")),
    _row("gemini", native=True),
    Prefix(name="bedrock", row="bedrock"),
    Prefix(name="bedrock_converse", row="bedrock"),
    _row("groq", bases=("GROQ_API_BASE",)),
    _row("mistral", bases=("MISTRAL_API_BASE",)),
    _row("deepseek", bases=("DEEPSEEK_API_BASE",)),
    _row("xai", bases=("XAI_API_BASE",)),
    _row("openrouter", "", "OR_API_KEY", bases=("OPENROUTER_API_BASE",)),
    _row("together_ai", "together", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
    _row("fireworks_ai", "fireworks", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    _row("cerebras"),
    _row("cohere", native=True),
    _row("cohere_chat", "cohere", native=True),
    _row("perplexity", "", "PERPLEXITYAI_API_KEY"),
    _row("deepinfra"),
    _row("sambanova"),
    _row("nvidia_nim", "nvidia", bases=("NVIDIA_NIM_API_BASE",)),
    _row("moonshot"),
    _row("zai"),
    _row("dashscope"),
    Prefix(name="huggingface", row="huggingface", variables=("HUGGINGFACE_API_KEY",), tail="/v1"),
    _row("github", "", "GITHUB_API_KEY"),
    _row("nebius"),
    _row("scaleway"),
    # Engines: with the port each listens on when the deployment does not say.
    Prefix(
        name="ollama_chat", url="http://localhost:11434/v1", tail="/v1", engine="ollama", bases=("OLLAMA_API_BASE",),
        variables=("OLLAMA_API_KEY",),
    ),
    Prefix(
        name="ollama", url="http://localhost:11434/v1", tail="/v1", engine="ollama", bases=("OLLAMA_API_BASE",),
        variables=("OLLAMA_API_KEY",),
    ),
    Prefix(name="hosted_vllm", engine="vllm", variables=("HOSTED_VLLM_API_KEY",), bases=("HOSTED_VLLM_API_BASE",)),
    Prefix(
        name="llamafile", url="http://127.0.0.1:8080/v1", engine="llamacpp", variables=("LLAMAFILE_API_KEY",),
        bases=("LLAMAFILE_API_BASE",),
    ),
    Prefix(name="lm_studio", variables=("LM_STUDIO_API_KEY",), bases=("LM_STUDIO_API_BASE",)),
    Prefix(name="litellm_proxy", variables=("LITELLM_PROXY_API_KEY",), bases=("LITELLM_PROXY_API_BASE",)),
    Prefix(
        name="infinity", variables=("INFINITY_API_KEY",), only=("embeddings", "rerank"), bases=("INFINITY_API_BASE",)
    ),
    Prefix(name="xinference", url="http://127.0.0.1:9997/v1", bases=("XINFERENCE_API_BASE",)),
    Prefix(name="lemonade", url="http://localhost:8000/api/v1", bases=("LEMONADE_API_BASE",)),
    Prefix(name="docker_model_runner", url="http://localhost:22088/engines/llama.cpp/v1"),
    Prefix(name="openai_like"),
    Prefix(name="custom_openai"),
    Prefix(name="aiohttp_openai"),
    Prefix(name="custom"),
    # Providers of OpenAI's wire that have no row here.
    _row("novita"),
    _row("hyperbolic"),
    _row("minimax"),
    _row("vercel_ai_gateway", "vercel"),
    _at("codestral", "https://codestral.mistral.ai/v1", "CODESTRAL_API_KEY"),
    _at("baseten", "https://inference.baseten.co/v1", "BASETEN_API_KEY"),
    _at("meta_llama", "https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
    _at("ai21_chat", "https://api.ai21.com/studio/v1", "AI21_API_KEY"),
    _at("ai21", "https://api.ai21.com/studio/v1", "AI21_API_KEY"),
    _at("volcengine", "https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE_API_KEY"),
    _at("friendliai", "https://api.friendli.ai/serverless/v1", "FRIENDLIAI_API_KEY", "FRIENDLI_TOKEN"),
    _at("galadriel", "https://api.galadriel.com/v1", "GALADRIEL_API_KEY"),
    _at("wandb", "https://api.inference.wandb.ai/v1", "WANDB_API_KEY"),
    _at("anyscale", "https://api.endpoints.anyscale.com/v1", "ANYSCALE_API_KEY"),
    _at("empower", "https://app.empower.dev/api/v1", "EMPOWER_API_KEY"),
    _at("voyage", "https://api.voyageai.com/v1", "VOYAGE_API_KEY", only=("embeddings", "rerank")),
    _at("jina_ai", "https://api.jina.ai/v1", "JINA_AI_API_KEY", only=("embeddings", "rerank")),
    _at("publicai", "https://api.publicai.co/v1", "PUBLICAI_API_KEY"),
    _at("veniceai", "https://api.venice.ai/api/v1", "VENICE_AI_API_KEY"),
    _at("synthetic", "https://api.synthetic.new/openai/v1", "SYNTHETIC_API_KEY"),
    _at("nano-gpt", "https://nano-gpt.com/api/v1", "NANOGPT_API_KEY"),
    _at("poe", "https://api.poe.com/v1", "POE_API_KEY"),
    _at("chutes", "https://llm.chutes.ai/v1", "CHUTES_API_KEY"),
    _at("xiaomi_mimo", "https://api.xiaomimimo.com/v1", "XIAOMI_MIMO_API_KEY"),
    *_not(_GOOGLE, "vertex_ai", "vertex_ai_beta"),
    *_not(_AWS, "sagemaker", "sagemaker_chat", "sagemaker_nova"),
    *_not(_INSIDE, "auto_router", "litellm_agent", "dotprompt", "langfuse", "humanloop", "a2a", "a2a_agent"),
    *_not(
        _OWN, "replicate", "watsonx", "watsonx_text", "triton", "predibase", "petals", "nlp_cloud", "oobabooga",
        "cloudflare", "clarifai", "gigachat", "maritalk", "oci", "sap", "anthropic_text", "aws_polly", "deepgram",
        "elevenlabs", "black_forest_labs", "runwayml", "recraft", "fal_ai", "stability", "topaz", "snowflake",
        "github_copilot", "chatgpt", "bytez", "text-completion-codestral",
    ),
)  # fmt: skip

PREFIXES: Final[Mapping[str, Prefix]] = MappingProxyType({prefix.name: prefix for prefix in _ROWS})
"""By name.  A provider that is not here can be used when the deployment says where it is."""
KNOWN: Final = frozenset(PREFIXES) | {
    "databricks", "aiml", "amazon_nova", "apertis", "assemblyai", "bedrock_mantle", "charity_engine", "cometapi",
    "compactifai", "cursor", "datarobot", "featherless_ai", "gradient_ai", "helicone", "heroku",
    "lambda_ai", "langgraph", "manus", "morph", "nscale", "ovhcloud", "ragflow", "v0",
    "vllm", "inception", "gmi", "llamagate", "sarvam", "abliteration",
}  # fmt: skip
"""Every prefix: what stands before the first `/` of a model is one of these, or a part of its name."""
_INFERRED: Final = (
    (
        "openai",
        ("gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "dall-e", "tts-", "whisper-", "omni-", "ft:gpt-"),
    ),
    ("anthropic", ("claude-",)),
    ("cohere", ("command-", "embed-english", "embed-multilingual", "rerank-")),
    ("vertex_ai", ("gemini-", "text-bison", "chat-bison", "textembedding-gecko")),
    ("bedrock", ("anthropic.", "amazon.", "meta.", "us.anthropic.", "eu.anthropic.", "us.amazon.")),
    ("mistral", ("mistral-", "mixtral-")),
    ("deepseek", ("deepseek-",)),
)  # fmt: skip


def split(model: str, given: str = "") -> tuple[str, str]:
    """(prefix, upstream id) of `litellm_params.model`; `given` is `custom_llm_provider`.  The prefix is empty when
    nothing says whose model it is."""
    first, slash, rest = model.partition("/")
    if given:
        return given, rest if slash and first == given else model
    if slash and first in KNOWN:
        return first, rest
    for name, beginnings in _INFERRED:
        if model.startswith(beginnings):
            return name, model
    return "", model
