from glowplug.config.readers.litellm.secrets import Secrets


def test_a_secret_has_one_name_for_each_purpose() -> None:
    secrets = Secrets()
    given = [secrets.put(*pair) for pair in (("openai", "a"), ("openai", "b"), ("openai", "a"), ("x y/z", "a"))]
    assert given == [
        "secret:litellm-openai-1", "secret:litellm-openai-2", "secret:litellm-openai-1", "secret:litellm-x-y-z-1",
    ]  # fmt: skip
    assert secrets.taken["litellm-openai-2"].reveal() == "b"
