"""The admin UI does nothing that the admin API cannot: what its sources ask for is in the published document."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.docs.openapi import every
from tools.ui_calls import HOLE, Call, calls, fits, written

from glowplug.gateway.kinds import KINDS

UI = Path(__file__).parents[2] / "ui" / "src"
OPERATIONS = [
    (one.method, one.path.replace(":path}", "}"))
    for one in every()
    if one.promises().published and not one.summary.startswith("LiteLLM: ")
]


def offered(method: str, path: str) -> bool:
    return any(method == one and fits(path, template) for one, template in OPERATIONS)


def test_every_request_of_the_pages_is_an_operation_of_the_document() -> None:
    found = calls(UI)
    assert len(found) > 100
    hidden = [call.where for call in found if not call.paths]
    assert not hidden, f"write the method and the path where they are asked for: {hidden}"
    missing = [
        f"{call.where}: {method} {' or '.join(sorted(call.paths))}"
        for call in found
        for method in sorted(call.methods)
        if not any(offered(method, path) for path in call.paths)
    ]
    assert missing == []


def test_every_address_in_their_sources_is_one_of_the_document_or_of_models() -> None:
    found = {path: where for path, where in written(UI).items() if path.count("/") > 1}
    assert len(found) > 40
    models = {f"/v1{path.decode()}" for kind in KINDS for path in kind.paths}
    unknown = {
        path: where
        for path, where in found.items()
        if path not in models and not any(fits(path, template, open_=True) for _, template in OPERATIONS)
    }
    assert unknown == {}


def test_nothing_is_asked_for_in_another_way() -> None:
    """`api.ts` asks the API; the playground asks models, as every client does."""
    files = {file.relative_to(UI).as_posix(): file.read_text() for file in UI.rglob("*.ts*")}
    asking = {
        name for name, text in files.items() if "fetch(" in text or "XMLHttpRequest" in text or "sendBeacon" in text
    }
    assert asking == {"api.ts", "pages/playground_talk.ts"}


SOURCES = {
    "api.ts": "export async function ask<T>(method: Method, path: string) { return send(method, path); }",
    "words.ts": (
        'const PATH = "/admin/keys";\n'
        "export const place = (what: string, one: { id: string }) => `/admin/${what}/${encodeURIComponent(one.id)}`;\n"
        "export function verb(id: string, word: string): string {\n  return `${PATH}/${id}/${word}`;\n}\n"
    ),
    "pages/some.tsx": (
        'import { ask } from "../api";\nimport { place, verb } from "../words";\n'
        'ask<{ data: readonly Row[] }>("GET", at("/admin/keys", { user }));\n'
        'await ask("POST", `${verb(key.id, "revoke")}?dry_run=1`);\n'
        '...once((form) => [one === null ? "POST" : "PATCH", one === null ? "/admin/keys" : place("keys", one), {}]);\n'
        'useAsk<Row>(open ? "/admin/me" : null);\n'
        "send([1, 2]);\n"
        'ask("DELETE", said.path);\n'
    ),
}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def call(line: int, methods: str, *paths: str) -> Call:
    return Call(f"pages/some.tsx:{line}", frozenset(methods.split()), frozenset(paths))


def test_paths_are_followed_through_constants_functions_and_files(sources: Path) -> None:
    assert calls(sources) == [
        call(3, "GET", "/admin/keys"),
        call(4, "POST", f"/admin/keys/{HOLE}/revoke"),
        call(5, "POST PATCH", "/admin/keys", f"/admin/keys/{HOLE}"),
        call(6, "GET", "/admin/me"),
        call(8, ""),
    ]


def test_addresses_are_found_wherever_they_are_written(sources: Path) -> None:
    assert written(sources) == {
        "/admin/keys": {"words.ts", "pages/some.tsx"},
        f"/admin/{HOLE}/{HOLE}": {"words.ts"},
        "/admin/me": {"pages/some.tsx"},
    }


@pytest.mark.parametrize(
    ("path", "template", "whether"),
    [
        ("/admin/keys", "/admin/keys", True),
        ("/admin/keys", "/admin/users", False),
        ("/admin/keys/*", "/admin/keys/{id}", True),
        ("/admin/keys/*", "/admin/keys/sums", False),
        ("/admin/*/*", "/admin/keys/{id}", True),
        ("/admin/keys/*/revoke", "/admin/keys/{id}", False),
    ],
)
def test_which_paths_are_those_of_a_template(path: str, template: str, whether: bool) -> None:
    assert fits(path, template) is whether
