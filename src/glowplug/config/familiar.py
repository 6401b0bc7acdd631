"""What people who come from other programs write, and what it is called here."""

from __future__ import annotations

from typing import Final

FAMILIAR: Final = {
    "api_base": "base_url", "url": "base_url", "model": "id", "model_id": "id", "ttl": "keep_alive", "cmd": "command",
    "model_path": "path", "file": "path", "fallbacks": "targets", "models": "targets", "environment": "env",
    "vram": "memory", "gpus": "devices", "gpu": "devices", "max_tokens": "request_defaults", "health_check": "ready",
    "key": "api_key", "token": "api_key", "listen": "host", "bind": "host", "max_parallel_requests": "max_concurrency",
}  # fmt: skip
"""Only a hint: the setting is refused all the same."""
