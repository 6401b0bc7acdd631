"""Reading what LiteLLM wrote."""
