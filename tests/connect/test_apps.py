from __future__ import annotations

from glowplug.connect.apps import home_assistant, open_webui
from glowplug.connect.base import Model, Wanted
from tests.connect.rows import HOME, KEY, WANTED

FAR = Wanted("https://g.invalid", KEY, (Model("m"),))


def test_open_webui_forwards_its_users_and_uses_one_model_for_tasks() -> None:
    env = dict(open_webui(WANTED, HOME).env)
    assert env["OPENAI_API_BASE_URL"].endswith("/v1") and env["TASK_MODEL_EXTERNAL"] == "qwen3-30b-a3b"
    assert "host.docker.internal" in " ".join(open_webui(WANTED, HOME).notes)
    assert "host.docker.internal" not in " ".join(open_webui(FAR, HOME).notes)


def test_home_assistant_asks_at_the_root() -> None:
    steps = home_assistant(WANTED, HOME).steps
    assert "URL: http://127.0.0.1:4000" in steps
    assert len(home_assistant(WANTED, HOME).notes) == len(home_assistant(FAR, HOME).notes) + 1
