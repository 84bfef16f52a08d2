"""Ask the package index about a release, for three seconds at most; keep the answer for an hour.

An answer can only add warnings, since nobody has reviewed the files of that release. Nothing from
the index is run.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import tempfile
import threading
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from litellm_overlay.index import listing
from litellm_overlay.index.remote_file import RemoteFile

SECONDS = 3.0
FRESH = 3600  # seconds
MEMBER = "litellm/proxy/response_api_endpoints/endpoints.py"
_PAGE_LIMIT = 64 << 20
_MEMBER_LIMIT = 4 << 20
_FAULTS = (urllib3.exceptions.HTTPError, OSError, ValueError, KeyError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class LookupResult:
    """The index's answer on a release.

    `listed` is False if the index lacks the version. It is None if the index could not be asked;
    `fault` then says why. `uploaded` and `yanked` are those of `Listed`. `endpoints` is the
    release's own endpoints.py, None if it could not be read.
    """

    version: str
    listed: bool | None
    uploaded: str = ""
    yanked: str | None = None
    endpoints: bytes | None = None
    fault: str = ""


def look_up(version: str, index: str, cache: Path, seconds: float = SECONDS) -> LookupResult:
    """Return the answer of the index at a URL on a release; its errors become the `fault`.

    An answer is kept in `cache`. If the cache is not writable, each call asks the index again.
    """
    name = hashlib.sha256(f"{_bare(index)} {version}".encode()).hexdigest()[:16]
    kept = cache / "index" / f"{name}.json"
    if remembered := _remembered(kept):
        return remembered
    answers: list[LookupResult] = []

    def ask() -> None:
        try:
            answers.append(_ask(version, index, seconds))
        except _FAULTS as error:
            answers.append(LookupResult(version, None, fault=_sentence(error)))

    # A thread, since a server that trickles bytes defeats other timeouts.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        return LookupResult(version, None, fault=f"no answer within {seconds:g} s")
    (look,) = answers
    if look.listed is not None:
        _remember(kept, look)
    return look


def _ask(version: str, index: str, seconds: float) -> LookupResult:
    until = time.monotonic() + seconds
    page = f"{index.rstrip('/')}/litellm/"
    client = _Client(page, until)
    status, text, _ = client.get(page, {"Accept": listing.ACCEPT, "Accept-Encoding": "gzip"})
    if status != 200:
        raise OSError(f"HTTP {status}")
    listed = listing.parse_listing(text, _bare(page), version)
    if listed is None:
        return LookupResult(version, listed=False)
    endpoints = None
    if listed.wheel:
        with contextlib.suppress(*_FAULTS):
            endpoints = _member(client, listed.wheel)
    return LookupResult(version, True, listed.uploaded, listed.yanked, endpoints)


def _member(client: _Client, wheel: str) -> bytes:
    def fetch(span: str) -> tuple[int, bytes, str]:
        return client.get(wheel, {"Range": span})

    remote = io.BufferedReader(RemoteFile(fetch), 1 << 18)
    with zipfile.ZipFile(remote) as archive, archive.open(MEMBER) as member:
        content = member.read(_MEMBER_LIMIT + 1)
    if len(content) > _MEMBER_LIMIT:
        raise ValueError(f"{MEMBER} is too large")
    return content


class _Client:
    """An HTTP client for an index and its file host; all requests share one deadline."""

    def __init__(self, page: str, until: float) -> None:
        self._until = until
        parts = urlsplit(page)
        self._home = parts.hostname
        self._keys = (
            urllib3.make_headers(basic_auth=f"{parts.username}:{parts.password or ''}")
            if parts.username
            else {}
        )
        proxy = getproxies().get(parts.scheme)
        trusted = os.environ.get("PIP_CERT")  # None: OpenSSL's default, or SSL_CERT_FILE
        self._pool: urllib3.PoolManager
        if proxy and not proxy_bypass(parts.hostname or ""):
            self._pool = urllib3.ProxyManager(proxy, ca_certs=trusted)
        else:
            self._pool = urllib3.PoolManager(ca_certs=trusted)

    def get(self, url: str, headers: dict[str, str]) -> tuple[int, bytes, str]:
        """Return status, body and Content-Range; ValueError for a bad scheme or a large body."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise ValueError(f"{parts.scheme}: is no address to read from")
        keys = self._keys if parts.hostname == self._home else {}
        answer = self._pool.request(
            "GET",
            _bare(url),
            headers={**headers, **keys},
            timeout=max(0.1, self._until - time.monotonic()),
            retries=urllib3.Retry(total=None, connect=0, read=0, redirect=3, status=0, other=0),
            preload_content=False,
        )
        try:
            body = answer.read(_PAGE_LIMIT + 1, decode_content=True)
        finally:
            answer.release_conn()
        if len(body) > _PAGE_LIMIT:
            raise ValueError("the index sends too much")
        return answer.status, body, answer.headers.get("Content-Range", "")


def _bare(url: str) -> str:
    """Return a URL without the credentials in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _sentence(error: Exception) -> str:
    """Return an error as text without its URL, which may hold credentials."""
    kind = type(error).__name__
    return str(error) if type(error) in {OSError, ValueError} else kind


def _remembered(kept: Path) -> LookupResult | None:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        if 0 <= time.time() - kept.stat().st_mtime < FRESH:
            raw = json.loads(kept.read_text("utf-8"))
            content = raw.pop("endpoints")
            return LookupResult(**raw, endpoints=content and base64.b64decode(content))
    return None


def _remember(kept: Path, look: LookupResult) -> None:
    raw = asdict(look)
    raw["endpoints"] = look.endpoints and base64.b64encode(look.endpoints).decode()
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=kept.parent, delete=False, encoding="utf-8"
        ) as file:
            json.dump(raw, file)
        Path(file.name).replace(kept)
