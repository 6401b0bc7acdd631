"""Reading the database of a LiteLLM installation."""
