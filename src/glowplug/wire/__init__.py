"""Formats as data: HTTP/1.1 pieces, SSE framing, the OpenAI bodies, the worker-control link.  Pure."""
