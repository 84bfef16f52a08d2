"""The guard's table of files agrees with the catalogue."""

from __future__ import annotations

import itertools
import json
from importlib import resources

from litellm_overlay.catalogue import releases

TABLE = json.loads(resources.files("endpoint_patch").joinpath("stock_files.json").read_text())


def test_the_guard_knows_every_file_of_the_catalogue():
    """Each file's hash has one run of releases per state, in version order."""
    files = {}
    for release in releases.load().releases:
        if release.endpoints_sha256:
            files.setdefault(release.endpoints_sha256, []).append(release)
    expected = {}
    for hash_, carriers in files.items():
        runs = [list(run) for _, run in itertools.groupby(carriers, key=lambda it: it.state)]
        expected[hash_] = [
            {"state": run[0].state, "first": run[0].version, "last": run[-1].version}
            for run in runs
        ]
    assert TABLE["files"] == expected


def test_the_guard_knows_every_handler_of_the_catalogue():
    """Each handler's hash is "affected" or "fixed"; the release distinguishes 1.89 from 1.90."""
    expected = {
        release.handler_sha256: "affected" if release.state == "affected" else "fixed"
        for release in releases.load().releases
        if release.handler_sha256
    }
    assert TABLE["handlers"] == expected


def test_the_guard_refuses_the_malicious_releases_of_the_catalogue():
    """The guard's list of malicious releases is the catalogue's."""
    malicious = [release.version for release in releases.load().in_state("malicious")]
    assert TABLE["compromised"] == malicious
