"""A lookup in a package index: its result, its failures, and its cache."""

from __future__ import annotations

import os

import pytest

from fakes import package_index
from fakes.endpoint_module import STOCK
from litellm_overlay.index import lookup

NAME = "litellm-1.999.0-py3-none-any.whl"


@pytest.fixture
def index():
    """Serve an index with one release."""
    with package_index.serving() as index:
        index.add(NAME, package_index.wheel(STOCK), **{"upload-time": "2026-11-24T10:00:00Z"})
        yield index


@pytest.fixture
def look(index, tmp_path):
    """Return a function that looks the release up."""

    def look(seconds=30, cache=tmp_path, url=None):
        return lookup.look_up("1.999.0", url or index.url, cache, seconds)

    return look


def test_the_one_file_is_read_and_not_the_whole_wheel(look, index):
    """Only the file is read from the wheel, by ranges."""
    lookup = look()
    assert (lookup.listed, lookup.uploaded, lookup.yanked) == (True, "2026-11-24", None)
    assert lookup.endpoints == STOCK
    spans = [span for path, span, _ in index.asked if path.startswith("/files/")]
    assert spans[0] == f"bytes=-{1 << 20}"
    read = sum(int(b) - int(a) + 1 for a, b in (span[6:].split("-") for span in spans[1:]))
    assert read < len(index.files[NAME]) / 4


def test_it_is_remembered_for_an_hour(look, index, tmp_path):
    """A result is kept for an hour per index; without a cache the index is asked again."""
    first = look()
    asked = len(index.asked)
    assert look() == first
    assert len(index.asked) == asked
    (kept,) = (tmp_path / "index").iterdir()
    old = kept.stat().st_mtime - lookup.FRESH - 1
    os.utime(kept, (old, old))
    assert look() == first
    assert len(index.asked) == 2 * asked
    kept.write_text("{broken")
    assert look() == first
    assert look(cache=tmp_path / "index" / kept.name / "no-folder") == first


def test_credentials_go_to_the_index_alone_and_stay_out_of_sight(look, index, tmp_path):
    """Credentials are sent to the index as a header, and are in no cache file or message."""
    index.day = "locked"
    url = index.url.replace("//", "//me:secret@")
    assert look(url=url).endpoints == STOCK
    assert all("secret" not in path.read_text() for path in (tmp_path / "index").iterdir())
    refused = look(cache=tmp_path / "fresh")
    assert (refused.listed, refused.fault) == (None, "HTTP 401")
    index.facts[NAME]["url"] = index.url.replace("127.0.0.1", "localhost") + f"/../files/{NAME}"
    index.asked.clear()
    look(url=url, cache=tmp_path / "other")
    assert [key for path, _, key in index.asked if NAME in path] == [None]


@pytest.mark.parametrize(
    ("day", "fault"),
    [
        ("down", "HTTP 503"),
        ("html", "the index gives no listing in JSON"),
        ("slow", "no answer in"),
    ],
)
def test_an_index_with_a_bad_day_is_a_sentence(look, index, tmp_path, day, fault):
    """A failing index gives a fault within the time limit, and nothing is cached."""
    index.day = day
    lookup = look(seconds=0.3 if day == "slow" else 30)
    assert lookup.listed is None
    assert lookup.fault.startswith(fault.replace("answer in", "answer within 0.3 s"))
    assert not (tmp_path / "index").exists()


def test_no_index_at_all_is_a_sentence(look):
    """An unreachable index gives a fault without its address."""
    lookup = look(url="http://me:secret@127.0.0.1:9/simple")
    assert lookup.listed is None
    assert lookup.fault
    assert "secret" not in lookup.fault


def test_a_release_that_is_not_there(look, index):
    """A missing release is a result, not a fault."""
    index.files.clear()
    assert look().listed is False


@pytest.mark.parametrize("case", ["whole", "no-member", "no-zip", "huge"])
def test_a_wheel_that_cannot_be_read_costs_the_file_only(look, index, case):
    """An unreadable wheel leaves out the file; the listing stays."""
    if case == "whole":
        index.day = "whole"
    index.files[NAME] = {
        "whole": index.files[NAME],
        "no-member": package_index.wheel(STOCK, member="litellm/other.py"),
        "no-zip": b"not a zip",
        "huge": package_index.wheel(b"#" * ((4 << 20) + 1)),
    }[case]
    lookup = look()
    assert (lookup.listed, lookup.uploaded, lookup.endpoints) == (True, "2026-11-24", None)


def test_an_address_that_is_none_of_the_web_is_not_followed(look, index):
    """An address that is not HTTP is not opened, such as one of a local file."""
    index.facts[NAME]["url"] = "file:///etc/passwd"
    lookup = look()
    assert (lookup.listed, lookup.endpoints) == (True, None)
