"""The tables of LiteLLM, one noun a file: which columns are asked for, and what a row means in our words."""
