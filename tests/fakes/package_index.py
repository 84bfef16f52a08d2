"""A package index on this machine: one project, files that can be read in parts, and bad days."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import threading
import time
import zipfile

MEMBER = "litellm/proxy/response_api_endpoints/endpoints.py"


def wheel(endpoints, member=MEMBER):
    """Return a wheel with one module, and some ballast before and after it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("litellm/ballast_before.bin", b"x" * (2 << 20))
        archive.writestr(member, endpoints)
        archive.writestr("litellm/ballast_after.bin", b"x" * (2 << 20))
    return file.getvalue()


class PackageIndex:
    """Serves `files`, by name; `day` is how it behaves: well, slow, html, whole, down or locked."""

    def __init__(self):
        self.files = {}
        self.facts = {}
        self.day = "well"
        self.asked = []
        self.url = ""

    def add(self, name, content, **facts):
        """List a file, with more of what PEP 691 says of one."""
        self.files[name] = content
        self.facts[name] = facts

    def page(self):
        """Return the project's page."""
        listed = [
            {"filename": name, "url": f"/files/{name}", **self.facts[name]} for name in self.files
        ]
        return json.dumps(
            {"meta": {"api-version": "1.1"}, "name": "litellm", "files": listed}
        ).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers for an index, which a subclass names."""

    protocol_version = "HTTP/1.1"
    index: PackageIndex

    def do_GET(self):
        """Answer as the day is."""
        key = self.headers.get("Authorization")
        self.index.asked.append((self.path, self.headers.get("Range", ""), key))
        if self.index.day == "slow":
            self.dribble()
        elif self.index.day == "down":
            self.answer(503, b"")
        elif self.index.day == "locked" and not key:
            self.answer(401, b"")
        elif self.path.startswith("/files/"):
            self.part(self.index.files[self.path.rpartition("/")[2]])
        else:
            self.answer(200, b"<html>" if self.index.day == "html" else self.index.page())

    def dribble(self):
        """Send a byte now and then: no time-out of a socket ends it."""
        with contextlib.suppress(OSError):
            for _ in range(40):
                time.sleep(0.05)
                self.wfile.write(b"H")

    def part(self, content):
        """Answer with a range of a file, "bytes=1-2" or "bytes=-2"."""
        first, _, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last), len(content) - 1) if first else len(content) - 1
        if self.index.day == "whole":
            self.answer(200, content)
        else:
            self.answer(206, content[start : end + 1], f"bytes {start}-{end}/{len(content)}")

    def answer(self, status, body, span=""):
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def serving():
    """Yield an index that answers until the end of the block."""
    index = PackageIndex()
    handler = type("Bound", (Handler,), {"index": index})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
