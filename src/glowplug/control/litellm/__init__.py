"""LiteLLM's admin API on top of our use cases; docs/litellm-api.md has the differences."""
