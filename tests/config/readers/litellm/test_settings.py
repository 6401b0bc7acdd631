"""Settings of the whole proxy."""

from __future__ import annotations

import pytest

from glowplug.config.readers.foreign import Outcome

from .reading import loaded, notes, read_text


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("general_settings: {max_request_size_mb: 32}", {"server": {"limits": {"body": 33554432}}}),
        ("general_settings: {max_request_size_mb: lots}", {}),
        ("litellm_settings: {json_logs: yes}", {"server": {"log_format": "json"}}),
        ("litellm_settings: {request_timeout: 30}", {"defaults": {"first_byte_timeout": 30}}),
        ("litellm_settings: {request_timeout: 6000}", {"defaults": {"first_byte_timeout": 6000, "timeout": 6000}}),
        ("litellm_settings: {request_timeout: 30}\nrouter_settings: {timeout: 5, stream_timeout: 2}",
         {"defaults": {"first_byte_timeout": 2}}),
        ("litellm_settings: {request_timeout: os.environ/T}", {"defaults": {"first_byte_timeout": 7}}),
        ("litellm_settings: {request_timeout: os.environ/NOT_SET}", {}),
        ("litellm_settings: {cache: true, cache_params: {type: redis, ttl: 60}}", {"keeping": {"cache_ttl": 60}}),
        ("litellm_settings: {cache: true, cache_params: {type: disk}}", {"keeping": {"cache_disk": "1GiB"}}),
        ("litellm_settings: {cache: false, cache_params: {ttl: 60}}", {}),
        ("general_settings: {maximum_spend_logs_retention_period: 7d}", {"keeping": {"log_retention": 604800}}),
        ("litellm_settings: {callbacks: otel}", {"telemetry": {"otlp": "${OTEL_EXPORTER_OTLP_ENDPOINT}"}}),
        ("litellm_settings: [1]\nrouter_settings: 7\ngeneral_settings: x", {}),
    ],
)  # fmt: skip
def test_settings(text: str, document: dict[str, object]) -> None:
    env = {"T": "7", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    read = read_text(text, **env)
    assert read.document == document
    loaded(read, **env)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:4317", "127.0.0.1:4318", "http://["])
def test_a_collector_that_cannot_be_reached_over_http_is_left(url: str) -> None:
    read = read_text("litellm_settings: {callbacks: [otel]}", OTEL_ENDPOINT=url)
    assert read.document == {}
    assert "no collector" in notes(read, Outcome.LEFT)["litellm_settings.callbacks"]


def test_callbacks_are_told_one_by_one() -> None:
    read = read_text(
        "litellm_settings: {success_callback: [prometheus, langfuse]}\n"
        "callback_settings: {otel: {message_logging: true}}"
    )
    assert [note.what for note in read.notes if note.outcome is Outcome.TAKEN] == ["prometheus"]
    assert {note.what for note in read.notes if note.outcome is Outcome.LEFT} == {"langfuse", "otel"}


def test_settings_that_come_from_unset_variables_are_told_all_the_same() -> None:
    read = read_text("router_settings: {redis_host: os.environ/REDIS_HOST}")
    assert "router_settings.redis_host" in notes(read, Outcome.LEFT)


def test_a_section_that_is_none_is_refused() -> None:
    assert set(notes(read_text("litellm_settings: [1]\ngeneral_settings: x"), Outcome.REFUSED)) == {
        "litellm_settings", "general_settings",
    }  # fmt: skip
