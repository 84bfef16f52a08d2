"""An index's listing of a release, and malformed listings."""

from __future__ import annotations

import json

import pytest

from litellm_overlay.index import listing

PAGE = "https://index.example.com/simple/litellm/"


def page(*files):
    return json.dumps({"files": list(files)})


def file(name, **facts):
    return {"filename": name, "url": f"../../files/{name}", **facts}


def test_a_release_is_told_by_all_of_its_files():
    """A release has its earliest upload's date, and the wheel for any Python."""
    result = listing.parse_listing(
        page(
            file("litellm-1.999.0.tar.gz", **{"upload-time": "2026-11-25T23:59:59.1Z"}),
            file("litellm-1.999.0-py3-none-any.whl", **{"upload-time": "2026-11-24T00:00:00Z"}),
            file("litellm-1.999.0-cp311-cp311-manylinux_2_28_x86_64.whl"),
            file("litellm-1.999.0-cp311-cp311-win_amd64.whl"),
            file("litellm-1.998.0-py3-none-any.whl", **{"upload-time": "2020-01-01T00:00:00Z"}),
            file("litellm_proxy.egg"),
        ),
        PAGE,
        "1.999.0",
    )
    assert result == listing.Listed(
        "2026-11-24",
        None,
        "https://index.example.com/files/litellm-1.999.0-py3-none-any.whl",
    )


@pytest.mark.parametrize(
    ("yanked", "expected"),
    [
        ([True, True], "no reason is given"),
        (["stolen token", "stolen token"], "stolen token"),
        ([False, "broken sdist"], None),
        ([False, False], None),
    ],
)
def test_withdrawn_is_what_has_no_file_left(yanked, expected):
    """A release is withdrawn only if all its files are."""
    names = ("litellm-1.999.0-py3-none-any.whl", "litellm-1.999.0.tar.gz")
    files = [file(name, yanked=each) for name, each in zip(names, yanked, strict=True)]
    assert listing.parse_listing(page(*files), PAGE, "1.999.0").yanked == expected


def test_what_is_not_there():
    """A missing release is None; a missing wheel or date is None as well."""
    assert listing.parse_listing(page(), PAGE, "1.999.0") is None
    alone = listing.parse_listing(page(file("litellm-1.999.0.tar.gz")), PAGE, "v1.999.0")
    assert alone == listing.Listed("", None, None)


@pytest.mark.parametrize(
    "text",
    [
        "<html>",
        "[]",
        "{}",
        '{"files": [1]}',
        '{"files": [{"filename": 1}]}',
        '{"files": {"a": 1}}',
        '{"files": [{"filename": "litellm-1.999.0-py3-none-any.whl"}]}',
    ],
)
def test_what_is_no_listing_is_a_sentence(text):
    """A text that is no JSON listing is an error."""
    with pytest.raises(ValueError, match="no listing in JSON"):
        listing.parse_listing(text, PAGE, "1.999.0")
