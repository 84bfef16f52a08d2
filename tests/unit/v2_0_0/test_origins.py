"""The web pages that may open a WebSocket."""

import pytest
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from endpoint_patch.versions.v2_0_0.inserted.origins import allows

OURS = "https://ours.example"
COMPRESSES = Middleware(GZipMiddleware)


class OwnRules(CORSMiddleware):
    """An operator's own subclass of the CORS middleware."""


def cors(*origins, kind=CORSMiddleware, **options):
    return [COMPRESSES, Middleware(kind, allow_origins=list(origins), **options)]


@pytest.mark.parametrize(
    ("middlewares", "any_way", "by_name"),
    [
        (cors("*"), True, False),
        (cors(OURS), True, True),
        (cors(OURS, "*", allow_credentials=True), True, True),
        (cors(OURS, kind=OwnRules), True, True),
        (cors("https://other.example"), False, False),
        (cors(allow_origin_regex=r"https://.*\.example"), True, True),
        (cors(), False, False),
        ([COMPRESSES], False, False),
        ([], False, False),
    ],
)
def test_an_origin_needs_the_cors_settings_that_http_needs(middlewares, any_way, by_name):
    """An origin needs the CORS settings that HTTP needs; "*" does not count as its name."""
    assert allows(OURS, middlewares, by_name=False) is any_way
    assert allows(OURS, middlewares, by_name=True) is by_name


def test_the_record_of_an_older_starlette_is_read():
    """The middleware record of an older Starlette, with other attributes, is read."""

    class Record:
        def __init__(self):
            self.cls, self.options = CORSMiddleware, {"allow_origins": [OURS]}

    assert allows(OURS, [Record()], by_name=True)
    assert not allows("https://other.example", [Record()], by_name=False)
