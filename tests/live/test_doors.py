"""Where POST is served, so is the handshake: forms of keys, paths, set-ups, releases (issue 18456).

docs/doors.md has the tables, and this holds them; `--write-docs` writes them.
"""

from __future__ import annotations

import pytest

from support.doors import DOORS, RELEASES, door, read, tried

# One proxy a set-up: each on the release where it once differed, or that has what it shows.
SETUPS = {
    "A proxy without keys": RELEASES[0],
    "Under `SERVER_ROOT_PATH=/llm`": RELEASES[-1],
    "With `custom_auth` that reads method, address and path": RELEASES[1],
}


async def look(live, title, release, note):
    """Knock as every client of a table."""
    results = {name: await tried(live, knock) for name, knock in DOORS[title][0].items()}
    note({(title, name, release): cells for name, cells in results.items()})
    return results


def check(title, release, found):
    """Require what the docs tell, and over WebSocket what POST comes to."""
    told = read()
    assert found == {name: told.get((title, name, release)) for name in found}
    for name, (websocket, post) in found.items():
        if DOORS[title][0][name].both:
            assert (websocket == "101") == (post == "200"), name


@pytest.mark.parametrize("title", ["Keys", "Paths"])
async def test_doors(bridge, litellm, title, note_doors, write_docs):
    """Every form of a key and every path, on every release."""
    lookup = await look(bridge, title, litellm, note_doors)
    if not write_docs:
        check(title, litellm, lookup)


@pytest.mark.parametrize("title", SETUPS)
async def test_doors_of_a_proxy_set_up_otherwise(title, note_doors, write_docs, tmp_path):
    """Without keys, under a path of its own, with an operator's own check."""
    for release in RELEASES if write_docs else [SETUPS[title]]:
        with door(title, release, tmp_path / release) as live:
            lookup = await look(live, title, release, note_doors)
        if not write_docs:
            check(title, release, lookup)


def test_the_tables_of_the_doors_are_whole(write_docs):
    """Each client of each set-up on each release."""
    rows = [(title, name) for title, (clients, _) in DOORS.items() for name in clients]
    wanted = {(*row, release) for row in rows for release in RELEASES}
    assert write_docs or read().keys() == wanted
