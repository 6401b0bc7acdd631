"""Asking a LiteLLM that runs."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

import pytest

from glowplug.doctor.base import CouldNotLook, NothingToLookAt
from glowplug.doctor.litellm_api import get, models, router_settings
from glowplug.doctor.site import Foreign
from glowplug.secret import Secret
from tests.doctor.checks.test_models_unreachable import closed_port
from tests.doctor.museum import Machine
from tests.doctor.server import serve_litellm


def test_what_it_tells_an_admin(bare: Machine) -> None:
    serve_litellm(bare, {"/model/info": {"data": [1]}, "/router/settings": {"current_values": {"a": 1}}})
    assert models(bare.site) == [1]
    assert router_settings(bare.site) == {"a": 1}
    serve_litellm(bare, {"/model/info": {"data": 5}, "/get/config/callbacks": {"router_settings": {"b": 1}}})
    assert router_settings(bare.site) == {"b": 1}
    with pytest.raises(CouldNotLook, match="with a list"):
        models(bare.site)
    serve_litellm(bare, {"/model/info": b"no JSON", "/router/settings": [], "/get/config/callbacks": {}})
    assert router_settings(bare.site) is None
    assert get(bare.site, "/model/info", Secret("sk-admin")).said is None
    assert bare.site.litellm is not None
    bare.site.litellm = replace(bare.site.litellm, url_key=Secret("sk-other"))
    with pytest.raises(CouldNotLook, match="an admin's key is needed"):
        models(bare.site)


def test_where_none_answers(bare: Machine) -> None:
    with pytest.raises(NothingToLookAt):
        get(bare.site, "/v1/models")
    bare.site.litellm = Foreign(url=f"http://127.0.0.1:{closed_port()}/")
    with pytest.raises(CouldNotLook, match="refused"):
        models(bare.site)


def test_what_is_no_http(bare: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        bare.site.litellm = Foreign(url=f"http://127.0.0.1:{server.getsockname()[1]}")

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"220 mail\r\n\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(OSError, match="HTTP"):
            get(bare.site, "/v1/models")
        thread.join()
