"""scripts/map_releases.py: the states of releases, and the fields that it keeps."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import io
import json
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from endpoint_patch import syntax
from endpoint_patch.errors import AnchorError
from fakes.endpoint_module import STOCK

SCRIPT = Path(__file__).parents[3] / "scripts" / "map_releases.py"
FIXED = STOCK.replace(b"fastapi.Query(..., ", b"fastapi.Query(None, ")
BOTH = (
    b"class A:\n async def _send_warmup_ack(self): ...\n def _enforce_authorized_model(self): ...\n"
)


@pytest.fixture
def script(monkeypatch):
    spec = importlib.util.spec_from_file_location("map_releases", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def state_of(script, endpoints, streaming=None):
    def read():
        assert streaming is not None, "there was no need to read the second file"
        return streaming

    tree = syntax.parse(endpoints)
    return script.state_of(tree, syntax.handler_source(endpoints), read)


def test_states_are_told_by_the_files(script):
    """A release's state comes from its files, not its version."""
    assert state_of(script, b"import json\n") == "no-endpoint"
    assert state_of(script, STOCK) == "affected"
    assert state_of(script, FIXED, b"def other(): ...\n") == "handshake-fixed"
    assert state_of(script, FIXED, BOTH) == "fixed"


def test_half_a_fix_stops_the_run(script):
    """A file with half a fix stops the run, for a person to decide."""
    with pytest.raises(script.UnknownShapeError, match="_send_warmup_ack"):
        state_of(script, FIXED, b"def _send_warmup_ack(): ...\n")


def test_a_handler_that_the_patch_does_not_fit_is_not_called_affected(script):
    """A handler that the patch does not fit is an error, not "affected"."""
    with pytest.raises(AnchorError):
        state_of(script, STOCK.replace(b"    websocket,\n", b"    websocket,\n    more,\n"))


def row(version, state, sha256):
    """Return a release's entry in the catalogue, with the fields that the tests need."""
    return {
        "version": version,
        "state": state,
        "uploaded": "2026-01-01",
        "endpoints_sha256": sha256,
        "handler_sha256": None if state == "no-endpoint" else f"handler of {sha256}",
    }


@pytest.fixture
def run(script, monkeypatch, tmp_path):
    """Return a function that runs the script on two releases: exit code and catalogue."""
    path, table = tmp_path / "catalogue.json", tmp_path / "stock_files.json"
    table.write_text("{}")
    measured = [row("1.82.1", "affected", "a"), row("1.83.0", "fixed", "b")]

    class Index:
        def __init__(self, cache):
            pass

        def published(self):
            return [script.Published(row["version"], "2026-01-01", None, None) for row in measured]

    monkeypatch.setattr(script, "Index", Index)

    def measure_all(index, releases):
        return [next(row for row in measured if row["version"] == it.version) for it in releases]

    monkeypatch.setattr(script, "measure_all", measure_all)

    def run(catalogue, *arguments):
        path.write_text(json.dumps(catalogue))
        files = ["--catalogue", str(path), "--stock-files", str(table)]
        monkeypatch.setattr(sys, "argv", ["map", *files, *arguments])
        return script.main(), json.loads(path.read_text())

    return run


def test_what_was_written_by_hand_is_kept(run):
    """Only `releases` is rewritten, and a release missing from the index is kept."""
    gone = row("1.83.0.dev1", "affected", "a")
    by_hand = {"default_patch_version": "2.0.0", "gaps": [{"id": "a"}]}
    code, written = run({**by_hand, "releases": [gone]})
    assert code == 0
    assert {key: written[key] for key in by_hand} == by_hand
    assert [row["version"] for row in written["releases"]] == [
        "1.82.1",
        "1.82.7",
        "1.82.8",
        "1.83.0.dev1",
        "1.83.0",
        "1.107.0",
    ]
    assert [row["state"] for row in written["releases"]][1:3] == ["malicious", "malicious"]


def test_what_a_run_changes_is_shown(run, capsys):
    """The run prints new releases, new files, and changed entries."""
    code, _ = run({"gaps": [], "releases": [row("1.82.1", "no-endpoint", "a")]})
    assert code == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "~ 1.82.1: handler_sha256 was None, is handler of a",
        "~ 1.82.1: state was no-endpoint, is affected",
        "+ 1.82.7: malicious, 2026-03-24, none",
        "+ 1.82.8: malicious, 2026-03-24, none",
        "+ 1.83.0: fixed, 2026-01-01, b, a new file, A NEW HANDLER: read it before you commit this",
        "+ 1.107.0: malicious, 2026-10-21, none",
    ]


def test_a_difference_is_named(run, capsys):
    """A check names release and field of a difference, and writes nothing."""
    catalogue = {"releases": [{"version": "1.82.1", "state": "fixed"}]}
    code, written = run(catalogue, "--check", "1.82.1")
    assert (code, written) == (1, catalogue)
    assert "1.82.1 state: catalogue fixed, measured affected" in capsys.readouterr().out


def test_no_difference_is_exit_code_0(run):
    """A check without a difference exits with 0."""
    catalogue = {"releases": [row("1.82.1", "affected", "a")]}
    assert run(catalogue, "--check", "1.82.1")[0] == 0


def test_a_release_that_is_not_on_the_index_fails_a_check(run, capsys):
    """A check of a release that the index lacks fails."""
    assert run({"releases": []}, "--check", "9.9")[0] == 1
    assert "9.9 is not on the index" in capsys.readouterr().out


def wheel(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def sdist(folder, name, content):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for path, data in [(f"{folder}/PKG-INFO", b""), (f"{folder}/{name}", content)]:
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.fixture
def index(script, monkeypatch, tmp_path):
    """Return the script's view of an index that serves no ranges."""
    files = {
        "litellm-1.82.0.tar.gz": sdist("litellm-1.82.0", script.ENDPOINTS, b"import json\n"),
        "litellm-1.82.1.tar.gz": b"not the file to read",
        "litellm-1.82.1-py3-none-any.whl": wheel(**{script.ENDPOINTS: STOCK}),
        "litellm-1.82.7-py3-none-any.whl": b"malware is never fetched",
        "litellm-1.90.0-cp311-cp311-win_amd64.whl": b"nor a wheel for Windows",
        "litellm-1.90.0-cp311-cp311-manylinux_2_28_x86_64.whl": wheel(
            **{script.ENDPOINTS: FIXED, script.STREAMING: BOTH}
        ),
        "litellm-1.74.0-py3-none-any.whl": b"too old",
    }
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            name = self.path.rpartition("/")[2]
            listing = {
                "meta": {"api-version": "1.1"},
                "name": "litellm",
                "files": [
                    {
                        "filename": file,
                        "url": f"/files/{file}",
                        "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                        "upload-time": "2026-03-10T23:59:59.5Z",
                        "requires-python": ">=3.9",
                    }
                    for file, content in files.items()
                ],
            }
            self.send_response(200)
            if not name:
                self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            body = files[name] if name else json.dumps(listing).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/simple/")
        served = script.Index(tmp_path / "cache")
        served.asked, served.files = asked, files
        yield served
        server.shutdown()


def test_a_mirror_without_ranges_is_measured_as_well(script, index):
    """Without ranges whole files are read: wheels before sdists, Linux before Windows."""
    rows = [script.measure(index, release) for release in index.published()]
    assert [(row["version"], row["state"], row["uploaded"]) for row in rows] == [
        ("1.82.0", "no-endpoint", "2026-03-10"),
        ("1.82.1", "affected", "2026-03-10"),
        ("1.90.0", "fixed", "2026-03-10"),
    ]
    assert rows[1]["endpoints_sha256"] == hashlib.sha256(STOCK).hexdigest()
    assert rows[1]["requires_python"] == ">=3.9"


def test_a_second_run_fetches_no_file_again(script, index):
    """A second run downloads no file again."""
    for release in index.published():
        script.measure(index, release)
    index.asked.clear()
    for release in index.published():
        script.measure(index, release)
    assert index.asked == ["/simple/litellm/"]


def test_an_altered_file_is_noticed(script, index):
    """A whole file must have its published hash."""
    release = index.published()[1]
    other = wheel(**{script.ENDPOINTS: STOCK + b"#"})
    index.files["litellm-1.82.1-py3-none-any.whl"] = other
    with pytest.raises(script.pypi_simple.DigestMismatchError):
        script.measure(index, release)
