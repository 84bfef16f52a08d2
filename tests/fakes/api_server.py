"""A small Kubernetes API server over HTTP: lists, pages, single objects, a watch, and failures."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import yaml

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class FakeApi:
    """The server's objects and behaviour; `objects` is by plural, each with its namespace."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    token: str = "good-token"
    forbidden: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    gone: int = 0  # this many watches and requests for a further page get 410
    page: int = 500
    silent: threading.Event | None = None  # responses wait for it, 20 s at most
    answer: bytes | None = None  # the body of every response
    seen: list[str] = field(default_factory=list)
    users: list[str | None] = field(default_factory=list)  # each request's Impersonate-User
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: FakeApi

    def log_message(self, *_):
        pass

    def do_GET(self):
        api = self.api
        api.seen.append(self.path)
        api.users.append(self.headers.get("Impersonate-User"))
        if api.silent:
            api.silent.wait(20)
        code, body = self._answer(api)
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def _answer(self, api):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        parts = url.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = None
        if parts[0] == "namespaces":
            namespace, *parts = parts[1:]
        code = self._refusal(api, query, parts[0])
        if api.answer is not None or code:
            status = json.dumps({"kind": "Status", "code": code}).encode()
            return code or 200, api.answer or status
        items = [
            item
            for item in api.objects.get(parts[0], [])
            if namespace in {None, item["metadata"].get("namespace")}
        ]
        if "labelSelector" in query:
            wanted = dict(pair.split("=") for pair in query["labelSelector"].split(","))
            items = [
                it for it in items if wanted.items() <= it["metadata"].get("labels", {}).items()
            ]
        if "watch" in query:
            said: dict[str, Any] = {"type": "MODIFIED", "object": {}}
        elif len(parts) > 1:
            found = [item for item in items if item["metadata"]["name"] == parts[1]]
            code, said = (200, found[0]) if found else (404, {"kind": "Status", "code": 404})
        else:
            start = int(query.get("continue", "0"))
            end = start + min(api.page, int(query["limit"]))
            metadata = {"resourceVersion": "7"}
            metadata |= {"continue": str(end)} if end < len(items) else {}
            said = {"metadata": metadata, "items": items[start:end]}
        return code or 200, json.dumps(said).encode()

    def _refusal(self, api, query, plural):
        if self.headers.get("Authorization", "").lower() != f"bearer {api.token}":
            return 401
        if plural in api.forbidden | api.missing:
            return 403 if plural in api.forbidden else 404
        if api.gone and query.keys() & {"continue", "watch"}:
            api.gone -= 1
            return 410
        return 0


@contextlib.contextmanager
def serving(api: FakeApi, context: ssl.SSLContext | None = None) -> Iterator[FakeApi]:
    """Serve until the block ends; sets and yields `api` with its `url`."""
    handler = type("Handler", (_Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    api.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


def kubeconfig(path: Path, url: str, user: dict[str, Any] | None = None, **more: Any) -> Path:
    """Write a kubeconfig with the contexts "here" (current) and "elsewhere"; return its path."""
    contexts = [
        {"name": "here", "context": {"cluster": "fake", "user": "me", "namespace": "llm"}},
        {"name": "elsewhere", "context": {"cluster": "gone", "user": "me"}},
    ]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": contexts,
        "clusters": [
            {"name": "fake", "cluster": {"server": url}},
            {"name": "gone", "cluster": {"server": "http://127.0.0.1:9"}},
        ],
        "users": [{"name": "me", "user": user or {"token": "good-token"}}],
    }
    path.write_text(yaml.safe_dump({**config, **more}))
    return path
