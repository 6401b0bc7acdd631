"""A small server that plays the admin API and the /v1 routes, so that the verbs have somebody to talk to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ADMIN = "sk-gp-admin"
USER = "sk-gp-user"


def view(model: str, state: str, **more: Any) -> dict[str, Any]:
    base = {"model": model, "engine": "llamacpp", "state": state, "leases": 0, "waiting": 0, "keep_alive": 300.0}
    return base | {"since": None, "idle_until": None, "memory": None, "load_seconds": None, "loading": None} | more


class Refused(Exception):
    def __init__(self, status: int, error: dict[str, Any], **headers: str) -> None:
        self.status = status
        self.error = error
        self.headers = headers


class FakeServer:
    """What the handlers read and change.  `seen` has (method, path with query, body) of every request."""

    def __init__(self) -> None:
        now = time.time()
        self.seen: list[tuple[str, str, Any]] = []
        self.gone = Event()
        """A client left in the middle of a stream."""
        self.instances = [
            view(
                "chat-a-llamacpp",
                "ready",
                memory=1_610_612_736,
                claim={"gpu0": 6 << 30},
                idle_until=now + 250.4,
                since=now - 190.4,
            ),
            view("chat-b-llamacpp", "loading", loading=0.4, waiting=2, since=now - 3.4),
            view("chat-c-llamacpp", "stopped"),
        ]
        self.models: list[dict[str, Any]] = [
            {"name": "chat-a-llamacpp", "kind": "model", "engine": "llamacpp", "capabilities": ["chat", "completions"],
             "state": "ready"},
            {"name": "complete-a", "kind": "model", "engine": "llamacpp", "capabilities": ["completions"]},
            {"name": "embed-a-llamacpp", "kind": "model", "engine": "llamacpp", "capabilities": ["embeddings"],
             "state": "stopped"},
            {"name": "chat-cloud", "kind": "model", "base_url": "https://api.openai.com/v1", "capabilities": ["chat"],
             "problems": ["OPENAI_API_KEY is not set"]},
            {"name": "chat-default", "kind": "alias", "targets": ["chat-a-llamacpp", "chat-cloud"], "cold": "wait"},
            {"name": "embeddings-default", "kind": "alias", "targets": ["embed-a-llamacpp"], "cold": "wait"},
        ]  # fmt: skip
        self.added = ["chat-default", "lab", "chat-lab"]
        """Entries that an API added."""
        self.providers: list[dict[str, Any]] = [
            {"name": "openai", "source": "file", "settings": {"api_key": "***"}, "models": ["chat-cloud"]},
            {"name": "lab", "source": "managed", "settings": {"base_url": "http://10.0.0.2:8000/v1"}, "models": []},
        ]
        self.keys: list[dict[str, Any]] = [
            {"id": "key_1", "name": "laptop", "display": "sk-gp-1a2b…9f0e", "role": "user", "models": [],
             "rpm": None, "rights": "evict", "priority": 0, "created_at": now - 86_400 * 3,
             "expires_at": None, "revoked_at": None, "last_used_at": now - 60.4, "user": "ann", "team": "web"},
            {"id": "key_2", "name": "old", "display": "sk-gp-0000…1111", "role": "admin", "models": ["chat-default"],
             "rpm": 1200, "rights": "warm", "priority": -10, "created_at": now - 86_400 * 40, "expires_at": now - 5,
             "revoked_at": now - 9, "last_used_at": None},
        ]  # fmt: skip
        sums = {"failed": 1, "cached_tokens": 0, "estimated": 2, "interrupted": 0, "open": 0}
        self.usage = [
            {
                "model": "chat-a-llamacpp",
                "attempts": 12,
                "prompt_tokens": 3456,
                "completion_tokens": 1200000,
                "cost": 1_234_500_000,
                "unpriced": 0,
            }
            | sums,
            {
                "model": "chat-cloud",
                "attempts": 1,
                "prompt_tokens": 44,
                "completion_tokens": 5,
                "cost": 0,
                "unpriced": 1,
            }
            | sums,
        ]
        tries = [
            {"attempt": 0, "model": "chat-a-llamacpp", "status": 0, "outcome": "timeout", "duration": 5.0,
             "first_byte": 0.0, "prompt_tokens": 0, "cached_tokens": 0, "completion_tokens": 0, "cost": 0,
             "price": "local", "reason": "first"},
            {"attempt": 1, "model": "chat-cloud", "status": 200, "outcome": "ok", "duration": 1.25, "first_byte": 0.5,
             "prompt_tokens": 1200, "cached_tokens": 1000, "completion_tokens": 34, "cost": 4_200_000, "price": "t",
             "reason": "failover; chat-a-llamacpp timeout"},
        ]  # fmt: skip
        unpriced = tries[1] | {"attempt": 0, "price": "", "cost": 0, "outcome": ""}
        asked = {"started": now, "user": "ann", "team": "", "path": "chat", "prompt_tokens": 1200}
        self.requests: list[dict[str, Any]] = [
            {"request": "req_1", "key": "key_1", "asked": "chat-default", "completion_tokens": 34, "cost": 4_200_000,
             "outcome": "ok", "tags": ["x", "y"], "attempts": tries, **asked},
            {"request": "req_2", "key": "key_9", "asked": "chat-cloud", "completion_tokens": 34, "cost": 0,
             "outcome": "", "tags": [], "attempts": [unpriced], **asked},
        ]  # fmt: skip
        self.checked: dict[str, Any] = {
            "ok": True, "lines": 1200, "records": 34, "sums": 5, "problems": 0, "findings": [],
        }  # fmt: skip
        self.devices = [
            {"id": "gpu0", "name": "RTX 4090", "total": 24 << 30, "used": 8 << 30, "ours": {"chat-a-llamacpp": 6 << 30},
             "others": 1 << 30, "other_names": ["Xorg", "firefox"], "leases": {"lease_1": 2 << 30}, "reserve": 1 << 30,
             "free": 14 << 30, "problem": ""},
            {"id": "host", "name": "memory", "total": 64 << 30, "used": None, "ours": {}, "others": None,
             "other_names": [], "leases": {}, "reserve": 2 << 30, "free": None, "problem": "cannot be read"},
        ]  # fmt: skip
        self.budgets: list[dict[str, Any]] = [
            {"id": "budget_1", "scope": "team", "name": "web", "amount": 20_000_000_000, "window": "month",
             "seconds": 0.0, "spent": 1_500_000_000, "reserved": 20_000_000, "remaining": 18_480_000_000,
             "ends_at": now + 86_400 * 2 + 0.4},
            {"id": "budget_2", "scope": "all", "name": "", "amount": 5_000_000_000, "window": "rolling",
             "seconds": 18_000.0, "spent": None, "reserved": None, "remaining": None, "ends_at": None},
        ]  # fmt: skip
        self.limits: list[dict[str, Any]] = [
            {"scope": "team", "name": "web", "rpm": 600, "tpm": 200_000, "concurrency": None}
        ]
        self.credentials: list[dict[str, Any]] = [
            {"name": "openai", "updated_at": now - 90.2, "sealed_with": "01234567", "problem": "",
             "used_by": ["providers.openai.api_key"]},
            {"name": "old", "updated_at": now - 90.2, "sealed_with": "0badc0de",
             "problem": "credentials[old].value is sealed with another key", "used_by": []},
        ]  # fmt: skip
        self.keeps_books = True
        """Whether it answers questions about memory."""
        self.leases: list[dict[str, Any]] = [
            {"id": "lease_1", "device": "gpu0", "bytes": 2 << 30, "note": "training", "since": now - 60.4,
             "until": now + 600.4, "state": "held"},
            {"id": "lease_2", "device": "", "bytes": 4 << 30, "note": "", "since": now - 3.4, "until": None,
             "state": "waiting"},
        ]  # fmt: skip
        login = {"user": "ann", "created_at": now - 3600.4, "last_seen": now - 60.4, "expires_at": now + 86_400.4}
        self.sessions = [
            {"id": "ab12" * 16, "agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "current": False, **login},
            {"id": "cd34" * 16, "agent": "", "current": False, **login},
        ]
        self.no_room = False
        self.config_path = "/etc/glowplug/config.yaml"
        self.config_problems = False
        self.stale = ""
        self.loads_to_refuse = 2
        self.delay = 0.0

    def _people(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Any:
        dry = {"dry_run": "dry_run" in query}
        since = time.time() - 86_400 * 3
        match (method, *parts):
            case ("GET", "users"):
                one = {"role": "member", "models": ["chat-a"], "keys": 2, "created_at": since, "blocked_at": None}
                ann = {"id": "ann", "name": "Ann", "email": "ann@example.org", **one}
                return {
                    "data": [ann, {"id": "bob", "name": "", "email": "", **one, "role": "admin", "blocked_at": 5.0}]
                }
            case ("GET", "teams"):
                web = {"id": "web", "name": "Web", "models": [], "keys": 2, "members": 1}
                return {"data": [{**web, "created_at": since, "blocked_at": None}]}
            case ("GET", "teams", _, "members"):
                return {"data": [{"user": "ann", "name": "Ann", "manager": True}]}
            case ("GET", "changes"):
                line = {"at": since, "by": "root", "through": "key_1", "noun": "user", "subject": "ann"}
                news = {"action": "update", "before": {"name": ""}, "after": {"name": "Ann"}}
                return {"data": [{**line, **news}, {**line, "action": "create", "before": None, "after": {}}]}
            case ("DELETE", _, _):
                if "with_keys" not in query:
                    message = "the user 'ann' has 2 API keys: laptop, ci"
                    raise Refused(409, {"message": message, "hint": "revoke them", "code": "has_keys"})
                return {"id": parts[1], "keys": 2, **dry}
            case _:
                return {**(body or {}), **dry}

    def _managed(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Any:
        dry = {"dry_run": "dry_run" in query}
        match (method, *parts):
            case ("GET", "web"):
                team = {"id": "web", "name": "Web", "models": ["chat-a"], "blocked_at": None}
                member = {"user": "ann", "name": "Ann", "manager": True}
                return {"team": team, "members": [member], "keys": self.keys[:1], "budgets": self.budgets[:1]}
            case ("GET", "web", "usage"):
                return {"data": self.usage}
            case ("POST", "web", "keys"):
                return {"id": "key_3", "name": body["name"], "key": None if dry["dry_run"] else "sk-gp-new", **dry}
            case ("POST", "web", "keys", _, "rotate"):
                return {"id": "key_3", "key": "sk-gp-new", **dry}
            case (_, "web", *_):
                return {**(body or {}), **dry}
        message = f"you do not manage a team {parts[0]!r}"
        raise Refused(403, {"message": message, "hint": "an admin names managers", "code": "not_manager"})

    def _sessions(self, method: str, parts: list[str], query: dict[str, str]) -> Any:
        dry = {"dry_run": "dry_run" in query}
        if method == "GET":
            return {"data": self.sessions}
        if len(parts) == 1:
            return {"user": query.get("user", "me"), "sessions": self.sessions, **dry}
        return {"id": parts[1], "user": "ann", **dry}

    # ---- admin

    def admin(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Any:
        match (method, *parts):
            case ("GET", "status"):
                return {"version": "0.1.0", "config_path": self.config_path, "stale": self.stale}
            case ("POST", "route"):
                return self._route_plan(body)
            case (_, "budgets" | "limits", *_):
                return self._money(method, parts, query, body)
            case (_, "memory" | "plan" | "leases", *_) if self.keeps_books:
                return self._books(method, parts, query, body)
            case (_, "credentials", *_):
                return self._secrets(method, parts, query, body)
            case (_, "invitations", *_):
                return self._invitations(method, body)
            case ("GET", "instances"):
                return {"data": self.instances}
            case ("GET", "models"):
                return {"data": self.models}
            case ("GET", "providers"):
                return {"data": self.providers}
            case ("POST" | "PATCH" | "DELETE", "models" | "aliases" | "providers", *names) if len(names) < 2:
                return self._entry(method, parts[0], names, query, body)
            case ("POST", "models", name, "start"):
                return self._start(name, query)
            case ("POST", "models", name, "stop"):
                found = self._instance(name)
                if "dry_run" not in query:
                    found |= {"state": "stopped", "memory": None, "idle_until": None}
                return found
            case ("GET", "models", name, "logs"):
                self._instance(name)
                lines = [f"line {number}" for number in range(1, 6)] if name == "chat-a-llamacpp" else []
                return "".join(f"{line}\n" for line in lines[-int(query["lines"]) :])
            case ("GET", "keys"):
                after = query.get("after", "")  # one row a page, to see that the client turns pages
                ids = ["", *(row["id"] for row in self.keys)]
                at = ids.index(after)
                page = self.keys[at : at + 1]
                return {"data": page, "next": page[0]["id"] if page and at + 1 < len(self.keys) else None}
            case ("POST", "keys"):
                return {"id": "key_3", "name": body["name"], "role": body["role"], "key": "sk-gp-newsecret"}
            case ("POST", "keys", key, "revoke"):
                return {"id": key, "revoked_at": 1.0}
            case ("POST", "keys", _, "rotate"):
                return {"id": "key_3", "key": "sk-gp-newsecret", "dry_run": "dry_run" in query}
            case ("PATCH", "keys", key):
                return {"id": key, "dry_run": "dry_run" in query}
            case (_, "me", "teams", *_):
                return self._managed(method, parts[2:], query, body)
            case (_, "sessions", *_):
                return self._sessions(method, parts, query)
            case (_, "users" | "teams" | "changes", *_):
                return self._people(method, parts, query, body)
            case ("GET", "requests"):
                return {"data": self.requests[: int(query["limit"])], "next": None}
            case ("GET", "requests", request, "bodies"):
                return {
                    "request": request, "key": "key_1", "at": 1.0, "kind": "chat", "asked": "chat-default",
                    "model": "chat-cloud", "status": 200, "sent": '{"model":"chat-default","messages":[]}',
                    "answered": "data: {\"choices\":[]}\n\ndata: [DONE]\n\n", "truncated": False,
                }  # fmt: skip
            case ("POST", "requests", request, "cancel"):
                return {"request": request, "calls": 1}
            case ("GET", "requests", _):
                return self.requests[0]
            case ("GET", "ledger", "check"):
                return self.checked
            case ("POST", "backup"):
                made = {"file": "/state/backups/b.glowplug", "bytes": 4000, "rows": 12, "tables": {"api_keys": 12}}
                return {"backup": made, "removed": ["a.glowplug"], "dry_run": False}
            case ("POST", "ledger", "rebuild"):
                return {"wrong": 2, "dry_run": "dry_run" in query}
            case ("GET", "usage"):
                return {"data": self.usage}
            case ("GET", "config"):
                return {
                    "path": self.config_path,
                    "digest": "00",
                    "tree": {
                        "server": {"port": 4000, "hosts": []},
                        "models": {"chat-3.1": {"keep_alive": "5m", "path": "~/a b.gguf", "note": "yes"}},
                    },
                    "sources": {
                        "server.port": {"kind": "default", "line": 0, "variables": [], "inherited": ""},
                        "server.hosts": {"kind": "environment", "line": 0, "variables": ["GLOWPLUG_HOSTS"]},
                        'models["chat-3.1"].keep_alive': {
                            "kind": "file",
                            "line": 3,
                            "inherited": "defaults.keep_alive",
                        },
                    },
                }
            case ("POST", "config", "reload"):
                if self.config_problems:
                    problems = [{"path": "models.x", "line": 3, "message": "unknown key", "hint": "did you mean y?"}]
                    raise Refused(
                        400, {"message": "c.yaml has 1 problem", "code": "config_error", "problems": problems}
                    )
                warning = {"path": "models.a.path", "line": 7, "message": "does not exist", "hint": ""}
                return {"changed": ["chat-a-llamacpp"], "warnings": [warning]}
        raise Refused(404, {"message": f"there is no route {'/'.join(parts)}", "code": "not_found"})

    def _entry(self, method: str, section: str, names: list[str], query: dict[str, str], body: Any) -> Any:
        name = names[0] if names else body["name"]
        if name == "of-the-file":
            message = f"the alias {name} is in the configuration file"
            raise Refused(409, {"message": message, "hint": "change it in /etc/c.yaml", "code": "conflict"})
        if method != "POST" and name not in self.added:
            message = f"there is no alias {name!r}"
            raise Refused(
                404, {"message": message, "hint": "what the file has is changed in the file", "code": "not_found"}
            )
        warning = {"path": f"{section}.{name}", "message": "nobody has seen it yet", "line": 0, "hint": "", "file": ""}
        settings = None if method == "DELETE" else {key: value for key, value in body.items() if key != "name"}
        warnings = [warning] if method == "POST" and section == "models" else []
        written = {"section": section, "name": name, "settings": settings, "changed": [name], "warnings": warnings}
        return written | {"dry_run": "dry_run" in query}

    def _route_plan(self, body: Any) -> Any:
        if body["model"] == "chat-defualt":
            message, hint = "there is no model or alias 'chat-defualt'", "did you mean chat-default?"
            raise Refused(404, {"message": message, "hint": hint, "code": "model_not_found"})
        plan = {
            "asked": body["model"], "name": body["model"], "match": f"{body['model']} is a model", "key": "key_1",
            "key_name": "laptop", "kind": "chat", "arranged": "there is one target", "cold": "wait", "timeout": 600.0,
            "prompt_tokens": 1200, "tags": body["tags"], "targets": [], "after": [], "limits": [], "notes": [],
            "refusal": None,
        }  # fmt: skip
        if body["model"] != "chat-default":
            refusal = {"status": 429, "code": "x", "message": "over", "hint": "try again after Retry-After"}
            said = "First: nobody, because the request is refused (429): This API key is over 5 requests a minute"
            return plan | {"refusal": refusal, "because": said}
        local = {"name": "chat-a-llamacpp", "place": 0, "role": "target", "served_by": "this machine", "state": "cold",
                 "does": "", "warmed": False, "why": "its engine is not loaded",
                 "change": "glowplug start chat-a-llamacpp loads it", "road": "forwarded", "cost": 0}  # fmt: skip
        cloud = local | {"name": "chat-cloud", "place": 1, "served_by": "openai", "state": "ready", "does": "ask",
                         "why": "it can be asked", "change": "", "cost": 4_200_000}  # fmt: skip
        other = cloud | {"name": "chat-b-llamacpp", "place": 2, "role": "fallback", "state": "full", "does": "queue",
                         "why": "it serves 1 of at most 1 requests at once", "cost": None}  # fmt: skip
        return plan | {
            "match": "chat-default is an alias of chat-a-llamacpp, chat-cloud", "targets": [cloud, other, local],
            "after": [{"case": "failed", "targets": [], "text": "if it fails, nobody else is there"}],
            "notes": ["its conversation is used to nobody yet"],
            "limits": [
                {"whose": "this API key", "unit": "requests a minute", "limit": 60, "left": 59, "resets": 1.2},
                {"whose": "the team 'web'", "unit": "nano-dollars", "limit": 20_000_000_000, "left": None,
                 "resets": None},
            ],
            "because": "First: chat-cloud, because it is the first that can answer",
        }  # fmt: skip

    def _money(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Any:
        match (method, *parts):
            case ("GET", "budgets"):
                return {"data": self.budgets}
            case ("POST", "budgets"):
                asked = {"scope": body["scope"], "name": body["name"], "seconds": 0.0}
                return {"id": "budget_3", "amount": 20_000_000_000, "window": "month"} | asked
            case ("POST", "budgets", id, "reset"):
                return self.budgets[0] | {"id": id, "spent": int(float(body["spent"]) * 1e9)}
            case ("DELETE", "budgets", id):
                found = [budget for budget in self.budgets if budget["id"] == id]
                if not found:
                    raise Refused(404, {"message": f"there is no budget {id!r}", "code": "not_found"})
                return found[0]
            case ("GET", "limits"):
                return {"data": self.limits}
            case ("POST", "limits"):
                return body
            case ("DELETE", "limits"):
                return self.limits[0]
        raise Refused(404, {"message": "there is nothing there", "code": "unknown_url"})

    def _secrets(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Any:
        match (method, *parts):
            case ("GET", "credentials"):
                return {"data": self.credentials}
            case ("PUT", "credentials"):
                return {"name": body["name"], "used_by": []}
            case ("DELETE", "credentials"):
                return {"name": query["name"]}
            case ("POST", "credentials", "rotate"):
                problems = ["credentials[old].value is sealed with the key 0badc0de, which is not in the key ring"]
                return {"key": "89abcdef", "resealed": 2, "problems": problems, "forgotten": []}
        raise Refused(404, {"message": "there is nothing there", "code": "unknown_url"})

    def _invitations(self, method: str, body: Any) -> Any:
        now = time.time()
        row = {"id": "i1", "user": "", "name": "", "role": "member", "created_at": now - 90.4, "used_at": None}
        row["expires_at"] = now + 3600.4
        if method == "GET":
            return {"data": [row | {"name": "Ann"}, row | {"id": "i2", "expires_at": now - 1}]}
        return {} if method == "DELETE" else row | body | {"link": "/ui/welcome#T"}

    def _books(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Any:
        match (method, *parts):
            case ("GET", "memory"):
                return {"data": self.devices, "problems": ["the driver of gpu1 is lost"]}
            case ("GET", "plan", "chat-default"):
                targets = ["chat-c-llamacpp", "chat-cloud"]
                return {"alias": "chat-default", "targets": targets, "cold": "wait", "data": [self.plan(targets[0])]}
            case ("GET", "plan", name):
                self._instance(name)
                return self.plan(name)
            case ("GET", "leases"):
                return {"data": self.leases}
            case ("POST", "leases"):
                return self._lend(query, body)
            case ("POST", "leases", id, "release"):
                found = [lease for lease in self.leases if lease["id"] == id]
                if not found:
                    raise Refused(404, {"message": f"there is no lease {id!r}", "code": "not_found"})
                if "dry_run" not in query:
                    self.leases.remove(found[0])
                return found[0]
        raise Refused(404, {"message": "there is nothing there", "code": "unknown_url"})

    def plan(self, name: str) -> dict[str, Any]:
        footprint = {"device": 17 << 30, "host": 0, "error": 0.05, "source": "learned", "detail": "3 runs",
                     "parts": {"weights": 16 << 30, "kv": 1 << 30}}  # fmt: skip
        evicted = {"model": "chat-a-llamacpp", "why": "idle for 4m", "frees": {"gpu0": 6 << 30}, "state": "ready",
                   "reload_seconds": 6.2}  # fmt: skip
        return {"model": name, "verdict": "after_evicting", "why": "17 GiB do not fit into 14 GiB.",
                "claim": {"gpu0": 17 << 30, "host": 1 << 30}, "footprint": footprint, "evict": [evicted],
                "eta_s": 9.4, "queue_position": None, "devices": self.devices}  # fmt: skip

    def _lend(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        if "dry_run" in query:
            return self.plan("")
        if self.no_room:
            raise Refused(503, {"message": "chat-a-llamacpp is in use", "hint": "wait longer", "code": "no_room"})
        now = time.time()
        lease = {"id": "lease_3", "device": body["device"] or "gpu0", "bytes": body["memory"], "note": body["note"],
                 "since": now, "until": now + body["seconds"], "state": "held"}  # fmt: skip
        self.leases.append(lease)
        return lease

    def _instance(self, name: str) -> dict[str, Any]:
        for row in self.instances:
            if row["model"] == name:
                return row
        hint = "glowplug models lists them"
        raise Refused(404, {"message": f"there is no model {name!r} ({hint})", "hint": hint, "code": "not_found"})

    def _start(self, name: str, query: dict[str, str]) -> dict[str, Any]:
        found = self._instance(name)
        if "dry_run" in query or query["wait"] == "0":
            return found
        if name == "chat-b-llamacpp":
            tail = ["loading model", "error: out of\x1b[2J memory"]
            error = {"message": "chat-b-llamacpp could not start: it crashed", "code": "engine_failed"}
            raise Refused(503, error | {"reason": "crash", "log_tail": tail, "hint": "use a smaller model"})
        return found | {"state": "ready", "load_seconds": 1.25}

    # ---- /v1

    def chat(self, body: dict[str, Any]) -> Iterator[bytes]:
        model = body["model"]
        if model == "chat-loading" and self.loads_to_refuse:
            self.loads_to_refuse -= 1
            loading = {"model": model, "state": "loading", "stage": "weights", "progress": 0.4, "eta_s": 12}
            error = {"message": f"{model} is loading", "code": "model_loading", "loading": loading}
            raise Refused(503, error, **{"Retry-After": "1"})
        if model == "chat-unknown":
            raise Refused(404, {"message": f"there is no model {model!r}", "code": "model_not_found"})
        if model == "embed-a-llamacpp":
            raise Refused(400, {"message": "it does not serve chat", "code": "wrong_endpoint"})
        return self._events(model, body)

    def _events(self, model: str, body: dict[str, Any]) -> Iterator[bytes]:
        if model == "chat-waiting":
            yield b": glowplug chat-waiting loading 40%\n\n"
        if "messages" in body:
            last = body["messages"][-1]["content"]
            deltas: list[dict[str, Any]] = [{"delta": {"role": "assistant"}}]
            deltas += [{"delta": {"content": piece}} for piece in ("You ", "said: ", last)]
        else:
            deltas = [{"text": piece} for piece in ("and ", "so on")]
        for at, choice in enumerate(deltas):
            if model == "chat-breaks" and at == 2:
                return
            if model == "chat-errs" and at == 2:
                yield self._event({"error": {"message": "the engine died", "hint": "see glowplug logs chat-errs"}})
                return
            yield self._event({"model": "upstream-name", "choices": [{"index": 0, **choice}]})
            time.sleep(self.delay)
        while model == "chat-endless":
            yield self._event({"choices": [{"index": 0, "delta": {"content": "more "}}]})
            time.sleep(0.01)
        yield self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield self._event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
        yield b"data: [DONE]\n\n"

    @staticmethod
    def _event(value: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(value).encode() + b"\n\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(None)

    def do_DELETE(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._serve(json.loads(raw) if raw else None)

    do_PATCH = do_PUT = do_POST

    def _serve(self, body: Any) -> None:
        self.fake.seen.append((self.command, self.path, body))
        try:
            self._route(body)
        except Refused as refused:
            self._json({"error": refused.error}, refused.status, refused.headers)

    def _route(self, body: Any) -> None:
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in (ADMIN, USER):
            raise Refused(401, {"message": "this API key is not known", "code": "invalid_api_key"})
        if parts[0] == "admin":
            if token != ADMIN:
                raise Refused(403, {"message": "this key may not use the admin API", "code": "permission_denied"})
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            answer = self.fake.admin(self.command, parts[1:], query, body)
            self._text(answer) if isinstance(answer, str) else self._json(answer)
        elif parts == ["v1", "models"]:
            rows = [{"id": row["name"], "capabilities": row.get("capabilities", ["chat"])} for row in self.fake.models]
            self._json({"data": rows})
        elif parts == ["v1", "embeddings"]:
            vector = [0.6, -0.8] + [0.0] * 10
            self._json({"model": "embed-a", "data": [{"embedding": vector}], "usage": {"prompt_tokens": 4}})
        else:
            self._stream(self.fake.chat(body))

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(raw)

    def _text(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text.encode())
        self.close_connection = True

    def _stream(self, events: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("X-Glowplug-Model", "chat-a-llamacpp")
        self.send_header("X-Glowplug-Reason", "ready")
        self.end_headers()
        try:
            for event in events:
                self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.fake.gone.set()
            self.close_connection = True


class Running:
    """A fake server that listens on a free port."""

    def __init__(self) -> None:
        self.fake = FakeServer()
        handler = type("BoundHandler", (Handler,), {"fake": self.fake})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
