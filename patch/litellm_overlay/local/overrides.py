"""Requirements of a LiteLLM release that are not taken as it states them, each with the reason.

Every one is told when an environment is built, and stands in its `overrides.txt`.
"""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import SpecifierSet


@dataclass(frozen=True, slots=True)
class Override:
    """What uv is to take in the place of a requirement of some releases.

    `releases` is a PEP 440 specifier, `requirement` a line of uv's --override. `where_lacking`:
    only after the package index could not serve what the release asks for.
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
    """Return the overrides of a release; `lacking`: those too that stand in for what is missing."""
    return tuple(
        each
        for each in OVERRIDES
        if (lacking or not each.where_lacking)
        and SpecifierSet(each.releases).contains(version, prereleases=True)
    )
