"""The handshake is served where POST is: forms of keys, paths, set-ups, releases (issue 18456).

The outcomes must equal the tables of docs/doors.md, unless `--write-docs` writes them.
"""

from __future__ import annotations

import pytest

from support.doors import DOORS, RELEASES, door, read, tried

# One proxy per set-up. Each runs on the release that once differed, or that has the feature.
SETUPS = {
    "A proxy without keys": RELEASES[0],
    "Under `SERVER_ROOT_PATH=/llm`": RELEASES[-1],
    "With `custom_auth` that reads method, address and path": RELEASES[1],
}


async def look(live, title, release, note):
    """Send the requests of every client of a table; add the cells to the tables and return them."""
    results = {name: await tried(live, knock) for name, knock in DOORS[title][0].items()}
    note({(title, name, release): cells for name, cells in results.items()})
    return results


def check(title, release, found):
    """Require the cells of the docs; where `both` is set, WebSocket and POST must agree."""
    told = read()
    assert found == {name: told.get((title, name, release)) for name in found}
    for name, (websocket, post) in found.items():
        if DOORS[title][0][name].both:
            assert (websocket == "101") == (post == "200"), name


@pytest.mark.parametrize("title", ["Keys", "Paths"])
async def test_doors(bridge, litellm, title, note_doors, write_docs):
    """Every form of a key and every path has its documented outcome on every release."""
    lookup = await look(bridge, title, litellm, note_doors)
    if not write_docs:
        check(title, litellm, lookup)


@pytest.mark.parametrize("title", SETUPS)
async def test_doors_of_a_proxy_set_up_otherwise(title, note_doors, write_docs, tmp_path):
    """So do proxies without keys, with a root path, and with an operator's own key check."""
    for release in RELEASES if write_docs else [SETUPS[title]]:
        with door(title, release, tmp_path / release) as live:
            lookup = await look(live, title, release, note_doors)
        if not write_docs:
            check(title, release, lookup)


def test_the_tables_of_the_doors_are_whole(write_docs):
    """The tables have each client of each set-up on each release."""
    rows = [(title, name) for title, (clients, _) in DOORS.items() for name in clients]
    wanted = {(*row, release) for row in rows for release in RELEASES}
    assert write_docs or read().keys() == wanted
