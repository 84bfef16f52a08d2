"""The unreviewed release 1.999.0 in every verb: no error, no silence, no false statement."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
import yaml

from endpoint_patch import stock_file
from fakes import package_index
from fakes.endpoint_module import FIXED, NO_ENDPOINT, REWRITTEN, known_files
from fakes.overlaid import workload
from litellm_overlay import lock
from litellm_overlay.catalogue import patch_files, releases

VERSION = "1.999.0"
IMAGE = f"ghcr.io/berriai/litellm:v{VERSION}"
NEWEST = releases.load().releases[-1]
WARNING = f"warning: LiteLLM {VERSION} is newer than the last that this catalogue knows, "
NEW_COMMENT = FIXED + b"# a new comment\n"


@pytest.fixture(autouse=True)
def _folder(monkeypatch, tmp_path):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def published(index, monkeypatch):
    """Publish the release with today's date; its file is the newest with a new comment."""
    monkeypatch.setattr(stock_file, "_table", known_files)
    monkeypatch.setattr(patch_files, "released", lambda: ())  # a released guard has its own table
    today = dt.datetime.now(dt.timezone.utc).date().isoformat()
    content = package_index.wheel(NEW_COMMENT)
    index.add(f"litellm-{VERSION}-py3-none-any.whl", content, **{"upload-time": f"{today}T00:00Z"})
    return index


def manifests(image=IMAGE):
    return yaml.safe_dump(workload(image=image))


def test_a_post_renderer_goes_on_and_says_so(cli):
    """`inject` patches it with a warning, so that it never blocks an upgrade."""
    done = cli("inject", stdin=manifests())
    assert done.code == 0
    assert '"modulePath":"/app/.venv/lib/python3.13/' in done.out
    assert f"patch 2.0.0 for LiteLLM {VERSION}" in done.err
    assert f"{WARNING}{NEWEST.version} of {NEWEST.uploaded}: nobody here has looked" in done.err
    assert f"hint: litellm-overlay releases {VERSION}" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--image", IMAGE],
        ["--image", IMAGE, "--format", "patch"],
        ["--image", "acme/gateway:prod", "--litellm", VERSION],
        ["--image", "acme/litellm:2026.11.26", "--litellm", VERSION],
    ],
)
def test_render_goes_on_and_says_so(cli, arguments):
    """`render` renders it with a warning, by tag or by option."""
    done = cli("render", *arguments)
    assert done.code == 0
    assert done.out
    assert done.err.count("warning:") == 1
    assert WARNING in done.err


def test_a_tag_against_the_option_is_a_warning(cli):
    """A tag that contradicts the option is a warning; malware by either is refused."""
    done = cli("render", "--image", IMAGE, "--litellm", "1.86.2")
    assert done.code == 0
    assert f"the image's tag says LiteLLM {VERSION}, the values say 1.86.2" in done.err
    assert "the guard in the pod decides by the file" in done.err
    for image, named in ((IMAGE, "1.107.0"), ("litellm:v1.107.0", VERSION), (IMAGE, "1.107.0.1")):
        refused = cli("render", "--image", image, "--litellm", named)
        assert (refused.code, refused.out) == (1, "")
        assert "1.107.0 is malware" in refused.err


def test_pin_goes_on_and_the_lock_holds(cli):
    """`pin` writes a lock without the file's hash, and the lock can be used."""
    done = cli("pin", "--image", IMAGE)
    assert done.code == 0
    assert WARNING in done.err
    written = json.loads(Path(lock.NAME).read_text())
    assert (written["litellmVersion"], written["stockSha256"]) == (VERSION, None)
    assert cli("pin", "--image", IMAGE, "--check").code == 0
    assert cli("inject", "--lock", lock.NAME, stdin=manifests()).code == 0
    other = cli("inject", "--lock", lock.NAME, stdin=manifests("litellm:v1.88.6"))
    assert (other.code, other.out) == (5, "")


def test_none_of_these_asks_the_index(cli, published):
    """Rendering verbs do not ask the package index."""
    cli("inject", stdin=manifests())
    cli("render", "--image", IMAGE)
    cli("pin", "--image", IMAGE)
    cli("doctor", stdin=manifests())
    assert published.asked == []


def test_doctor_notes_it(cli):
    """`doctor` has a note about it."""
    done = cli("doctor", "--output", "json", stdin=manifests())
    topics = {item["topic"]: item for item in json.loads(done.out)["findings"]}
    assert topics["unreviewed"]["severity"] == "note"
    assert "nobody here has looked at it" in topics["unreviewed"]["what"]


@pytest.mark.parametrize("verb", [["releases"], ["check-upgrade", "--to"]])
def test_the_index_adds_what_it_knows(cli, published, verb):
    """`releases` and `check-upgrade` report its age and file from the index, and exit with 3."""
    done = cli(*verb, VERSION)
    text = " ".join(done.out.split())
    assert done.code == 3
    assert f"LiteLLM {VERSION} is unreviewed, 0 days old" in text
    assert f"LiteLLM {VERSION} is younger than 7 days" in text
    assert (
        "its endpoints.py is new, its WebSocket handler is not: the guard takes it as fixed" in text
    )
    asked = len(published.asked)
    offline = cli(*verb, VERSION, "--offline")
    assert (offline.code, len(published.asked)) == (3, asked)
    assert "days old" not in offline.out
    found = json.loads(cli(*verb, VERSION, "--output", "json").out)
    said = found[0]["index"] if verb == ["releases"] else found["remaining"]
    assert f"LiteLLM {VERSION} is unreviewed, 0 days old" in said


@pytest.mark.parametrize("verb", [["releases"], ["check-upgrade", "--to"]])
def test_an_index_that_does_not_answer_changes_nothing_else(cli, verb):
    """If the index does not answer, they say so, and report what the catalogue knows."""
    done = cli(*verb, VERSION)
    assert done.code == 3
    assert "the package index could not be asked" in " ".join(done.out.split())


@pytest.mark.parametrize("asked", ["1.88.6", "1.110.2", "1.107.0", "1.107.0.1", "main-latest"])
def test_only_a_newer_release_is_looked_up(cli, published, asked):
    """Known, malicious or unknown releases are not looked up."""
    cli("releases", asked)
    cli("check-upgrade", "--to", asked)
    assert published.asked == []


def test_diff_takes_the_file_that_the_index_gives(cli, published):
    """`diff` takes its file from the index with a warning; offline it hints at other sources."""
    done = cli("diff", VERSION)
    assert (done.code, done.out) == (0, "")
    assert f"warning: LiteLLM {VERSION} is unreviewed, 0 days old" in done.err
    assert "upstream-fixed: " in done.err
    offline = cli("diff", VERSION, "--offline")
    assert offline.code == 3
    assert "hint: take the file from a pod: kubectl exec POD --container NAME -- cat" in offline.err
    refused = cli("diff", "1.107.0.1")
    assert refused.code in {1, 3}
    assert "mal" in refused.err


@pytest.mark.parametrize(
    ("content", "options", "code", "words"),
    [
        (
            NEW_COMMENT,
            [],
            0,
            "upstream-fixed: Nothing would be changed: the file is not known, but its",
        ),
        (
            NEW_COMMENT,
            ["--on-fixed", "patch"],
            0,
            "patched: from the stock endpoints.py of LiteLLM 1.999.0 to what the pod would write, ",
        ),
        (
            REWRITTEN,
            [],
            0,
            "upstream-fixed: Nothing would be changed: the file is not known, and has",
        ),
        (REWRITTEN, ["--on-fixed", "patch"], 3, "in a WebSocket handler that nobody has read"),
        (NO_ENDPOINT + b"#", [], 3, "does not have the endpoint this patch was made for"),
    ],
)
def test_diff_says_what_the_pod_would_do(cli, published, content, options, code, words):
    """`diff` shows the guard's decision for a new comment or a changed handler."""
    for name in published.files:
        published.files[name] = package_index.wheel(content)
    done = cli("diff", VERSION, *options)
    assert done.code == code
    assert words in done.err
    assert "Move to" not in done.err
