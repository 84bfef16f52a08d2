"""Overrides of requirements that LiteLLM releases state, each with its reason.

Those in use are reported when an environment is built, and listed in its `overrides.txt`.
"""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import SpecifierSet


@dataclass(frozen=True, slots=True)
class Override:
    """A requirement that replaces one of some releases.

    `releases` is a PEP 440 specifier; `requirement` is a line for uv's --override. With
    `where_lacking` it is used only if the package index lacks what the release requires.
    """

    releases: str
    requirement: str
    why: str
    where_lacking: bool


OVERRIDES = (
    Override(
        ">=1.95.0.dev1,<1.98.0.dev1",
        "fastapi<0.139",
        "LiteLLM imports get_flat_dependant, which a newer FastAPI no longer has (0.138.2 works)",
        where_lacking=False,
    ),
    Override(
        ">=1.110.0rc1",
        "litellm-proxy ; python_version < '3'",
        "the index has no litellm-proxy; litellm's own wheel holds the proxy's code",
        where_lacking=True,
    ),
    Override(
        ">=1.106.0",
        "litellm-proxy-extras",
        "the index lacks the version asked for; it holds the database's migrations",
        where_lacking=True,
    ),
    Override(
        ">=1.106.0",
        "litellm-enterprise",
        "the index lacks the version asked for; its features want a licence",
        where_lacking=True,
    ),
)


def overrides_for(version: str, *, lacking: bool) -> tuple[Override, ...]:
    """Return the overrides of a release; with `lacking`, also those for what an index lacks."""
    return tuple(
        each
        for each in OVERRIDES
        if (lacking or not each.where_lacking)
        and SpecifierSet(each.releases).contains(version, prereleases=True)
    )
