"""The providers this build knows, a row each.  To add one, add its row: `make docs` writes it into docs/providers.md.

URLs, key variables and endpoints are those of each provider's own documentation (`docs`), as of November 2026.  An
endpoint is listed when it is documented below the same base URL, for use in earnest: what is beta or has limits is left
out where a translation serves it better.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from glowplug.domain.model import Capability
from glowplug.domain.provider import KeySent, ProviderRow

_CHAT, _COMPLETIONS, _EMBEDDINGS = Capability.CHAT, Capability.COMPLETIONS, Capability.EMBEDDINGS
_MESSAGES, _RESPONSES, _RERANK = Capability.MESSAGES, Capability.RESPONSES, Capability.RERANK
_TRANSCRIPTIONS, _SPEECH = Capability.TRANSCRIPTIONS, Capability.SPEECH
_DEVELOPER: Final = "system-for-developer"
_STRIP: Final = "strip-attribution"

_ROWS: Final = (
    ProviderRow(
        name="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        variables=("OPENAI_API_KEY",),
        capabilities=(_CHAT, _COMPLETIONS, _EMBEDDINGS, _RESPONSES, _TRANSCRIPTIONS, _SPEECH),
        quirks=("max-completion-tokens",),
        prices="openai",
        docs="https://platform.openai.com/docs/api-reference",
    ),
    ProviderRow(
        name="anthropic",
        title="Anthropic",
        base_url="https://api.anthropic.com/v1",
        variables=("ANTHROPIC_API_KEY",),
        key=KeySent.X_API_KEY,
        capabilities=(_MESSAGES,),
        prices="anthropic",
        docs="https://docs.anthropic.com/en/api/messages",
    ),
    ProviderRow(
        name="gemini",
        title="Google Gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        capabilities=(_CHAT, _EMBEDDINGS),
        prices="google",
        docs="https://ai.google.dev/gemini-api/docs/openai",
    ),
    ProviderRow(
        name="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        variables=("GROQ_API_KEY",),
        capabilities=(_CHAT, _RESPONSES, _TRANSCRIPTIONS, _SPEECH),
        quirks=("groq-usage",),
        prices="groq",
        docs="https://console.groq.com/docs/openai",
    ),
    ProviderRow(
        name="mistral",
        title="Mistral",
        base_url="https://api.mistral.ai/v1",
        variables=("MISTRAL_API_KEY",),
        capabilities=(_CHAT, _EMBEDDINGS, _TRANSCRIPTIONS),
        quirks=("max-tokens", "no-stream-options", _DEVELOPER),
        prices="mistral",
        docs="https://docs.mistral.ai/api",
    ),
    ProviderRow(
        name="deepseek",
        title="DeepSeek",
        base_url="https://api.deepseek.com",
        variables=("DEEPSEEK_API_KEY",),
        quirks=("deepseek-usage", _DEVELOPER),
        prices="deepseek",
        docs="https://api-docs.deepseek.com",
    ),
    ProviderRow(
        name="xai",
        title="xAI",
        base_url="https://api.x.ai/v1",
        variables=("XAI_API_KEY",),
        capabilities=(_CHAT, _RESPONSES),
        prices="x-ai",
        docs="https://docs.x.ai",
    ),
    ProviderRow(
        name="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        variables=("OPENROUTER_API_KEY",),
        capabilities=(_CHAT, _COMPLETIONS, _EMBEDDINGS, _MESSAGES, _RESPONSES),
        quirks=(_STRIP,),
        prices="openrouter",
        docs="https://openrouter.ai/docs/api-reference/overview",
    ),
    ProviderRow(
        name="together",
        title="Together AI",
        base_url="https://api.together.xyz/v1",  # the list of prices knows this one
        also=("https://api.together.ai/v1",),
        variables=("TOGETHER_API_KEY",),
        capabilities=(_CHAT, _COMPLETIONS, _EMBEDDINGS, _RERANK, _TRANSCRIPTIONS, _SPEECH),
        quirks=(_DEVELOPER,),
        prices="together",
        docs="https://docs.together.ai/docs/inference/openai-compatibility",
    ),
    ProviderRow(
        name="fireworks",
        title="Fireworks AI",
        base_url="https://api.fireworks.ai/inference/v1",
        variables=("FIREWORKS_API_KEY",),
        capabilities=(_CHAT, _COMPLETIONS, _EMBEDDINGS, _MESSAGES, _RESPONSES),
        quirks=(_DEVELOPER, _STRIP),
        prices="fireworks",
        docs="https://docs.fireworks.ai/nexus/apis-and-sdks",
    ),
    ProviderRow(
        name="cerebras",
        title="Cerebras",
        base_url="https://api.cerebras.ai/v1",
        variables=("CEREBRAS_API_KEY",),
        capabilities=(_CHAT, _COMPLETIONS),
        quirks=(_DEVELOPER,),
        prices="cerebras",
        docs="https://inference-docs.cerebras.ai/resources/openai",
    ),
    ProviderRow(
        name="azure",
        title="Azure OpenAI",
        base_url="https://{resource}.openai.azure.com/openai/v1",
        variables=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
        key=KeySent.API_KEY,
        capabilities=(_CHAT, _COMPLETIONS, _EMBEDDINGS, _RESPONSES),
        quirks=("max-completion-tokens",),
        prices="azure",
        docs="https://learn.microsoft.com/en-us/azure/foundry/openai/api-version-lifecycle",
    ),
    ProviderRow(
        name="bedrock",
        title="Amazon Bedrock",
        base_url="https://bedrock-runtime.{region}.amazonaws.com/openai/v1",
        variables=("AWS_BEARER_TOKEN_BEDROCK",),
        prices="aws",
        docs="https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html",
    ),
    ProviderRow(
        name="ollama-cloud",
        title="Ollama Cloud",
        base_url="https://ollama.com/v1",
        variables=("OLLAMA_API_KEY",),
        capabilities=(_CHAT, _MESSAGES),
        quirks=(_STRIP,),
        docs="https://docs.ollama.com/api/openai-compatibility",
    ),
    ProviderRow(
        name="cohere",
        title="Cohere",
        base_url="https://api.cohere.ai/compatibility/v1",
        also=("https://api.cohere.com/compatibility/v1",),
        variables=("COHERE_API_KEY", "CO_API_KEY"),
        capabilities=(_CHAT, _EMBEDDINGS),
        prices="cohere",
        docs="https://docs.cohere.com/docs/compatibility-api",
    ),
    ProviderRow(
        name="perplexity",
        title="Perplexity",
        base_url="https://api.perplexity.ai",
        variables=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        quirks=(_DEVELOPER,),
        prices="perplexity",
        docs="https://docs.perplexity.ai",
    ),
    ProviderRow(
        name="deepinfra",
        title="DeepInfra",
        base_url="https://api.deepinfra.com/v1/openai",
        variables=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
        capabilities=(_CHAT, _COMPLETIONS, _EMBEDDINGS),
        quirks=(_DEVELOPER,),
        docs="https://docs.deepinfra.com",
    ),
    ProviderRow(
        name="sambanova",
        title="SambaNova",
        base_url="https://api.sambanova.ai/v1",
        variables=("SAMBANOVA_API_KEY",),
        quirks=(_DEVELOPER,),
        docs="https://docs.sambanova.ai",
    ),
    ProviderRow(
        name="nvidia",
        title="NVIDIA NIM",
        base_url="https://integrate.api.nvidia.com/v1",
        variables=("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
        capabilities=(_CHAT, _EMBEDDINGS),
        quirks=(_DEVELOPER,),
        docs="https://docs.api.nvidia.com",
    ),
    ProviderRow(
        name="moonshot",
        title="Moonshot AI (Kimi)",
        base_url="https://api.moonshot.ai/v1",
        also=("https://api.moonshot.cn/v1",),
        variables=("MOONSHOT_API_KEY",),
        capabilities=(_CHAT, _RESPONSES),
        quirks=(_DEVELOPER,),
        prices="moonshotai",
        docs="https://platform.kimi.ai/docs/api/overview",
    ),
    ProviderRow(
        name="zai",
        title="Z.AI",
        base_url="https://api.z.ai/api/paas/v4",
        also=("https://api.z.ai/api/coding/paas/v4",),
        variables=("ZAI_API_KEY",),
        quirks=(_DEVELOPER,),
        prices="zai",
        docs="https://docs.z.ai",
    ),
    ProviderRow(
        name="dashscope",
        title="Alibaba Cloud Model Studio",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        also=("https://dashscope.aliyuncs.com/compatible-mode/v1",),
        variables=("DASHSCOPE_API_KEY",),
        capabilities=(_CHAT, _EMBEDDINGS),
        quirks=(_DEVELOPER,),
        docs="https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
    ),
    ProviderRow(
        name="huggingface",
        title="Hugging Face Inference Providers",
        base_url="https://router.huggingface.co/v1",
        variables=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
        docs="https://huggingface.co/docs/inference-providers",
    ),
    ProviderRow(
        name="github",
        title="GitHub Models",
        base_url="https://models.github.ai/inference",
        variables=("GITHUB_TOKEN",),
        headers={"x-github-api-version": "2022-11-28"},
        capabilities=(_CHAT, _EMBEDDINGS),
        docs="https://docs.github.com/en/rest/models/inference",
    ),
    ProviderRow(
        name="nebius",
        title="Nebius Token Factory",
        base_url="https://api.tokenfactory.nebius.com/v1",
        also=("https://api.studio.nebius.com/v1",),
        variables=("NEBIUS_API_KEY",),
        capabilities=(_CHAT, _EMBEDDINGS),
        quirks=(_DEVELOPER,),
        docs="https://docs.tokenfactory.nebius.com",
    ),
    ProviderRow(
        name="scaleway",
        title="Scaleway Generative APIs",
        base_url="https://api.scaleway.ai/v1",
        variables=("SCW_SECRET_KEY", "SCALEWAY_API_KEY"),
        capabilities=(_CHAT, _EMBEDDINGS),
        quirks=(_DEVELOPER,),
        docs="https://www.scaleway.com/en/docs/generative-apis/",
    ),
)

PROVIDERS: Final[Mapping[str, ProviderRow]] = MappingProxyType({row.name: row for row in _ROWS})
"""Name → row."""
