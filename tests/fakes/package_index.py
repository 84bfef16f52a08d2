"""A local package index: one project, whose files can be read in ranges, and failures."""

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
    """Return a wheel with one module, and 2 MiB of ballast before and after it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("litellm/ballast_before.bin", b"x" * (2 << 20))
        archive.writestr(member, endpoints)
        archive.writestr("litellm/ballast_after.bin", b"x" * (2 << 20))
    return file.getvalue()


class PackageIndex:
    """An index that serves `files`, by name.

    `day` is its behaviour: "well", "slow", "html", "whole" (it ignores ranges), "down" or "locked".
    """

    def __init__(self):
        self.files = {}
        self.facts = {}
        self.day = "well"
        self.asked = []
        self.url = ""

    def add(self, name, content, **facts):
        """List a file, with further fields of PEP 691."""
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
    """A request handler for the index that a subclass sets."""

    protocol_version = "HTTP/1.1"
    index: PackageIndex

    def do_GET(self):
        """Answer as `day` requires."""
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
        """Send one byte every 50 ms for 2 s, so that no socket timeout ends the request."""
        with contextlib.suppress(OSError):
            for _ in range(40):
                time.sleep(0.05)
                self.wfile.write(b"H")

    def part(self, content):
        """Answer with the range "bytes=1-2" or "bytes=-2" of a file; with all of it if "whole"."""
        first, _, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last), len(content) - 1) if first else len(content) - 1
        if self.index.day == "whole":
            self.answer(200, content)
        else:
            self.answer(206, content[start : end + 1], f"bytes {start}-{end}/{len(content)}")

    def answer(self, status, body, span=""):
        """Send a response."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Log nothing."""


@contextlib.contextmanager
def serving():
    """Yield an index that serves until the block ends."""
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
