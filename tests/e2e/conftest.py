"""The cluster that `make kind-e2e` has brought up, a namespace a story, and what is shown of a failure."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from e2e.kit.first_aid import FirstAid
from e2e.kit.stories import Namespace, World
from kind.cluster import Cluster
from kind.steps import Phases

SECONDS = pytest.StashKey[Counter]()
SLOWEST = 900  # seconds; a story may build and load an image first


def told():
    """Return what scripts/kind_e2e.py says: its cluster's name and folder, images, phases."""
    return json.loads(os.environ["KIND_E2E"])


def pytest_collection_modifyitems(items):
    """Refuse to run without a cluster: a story that was not told must not look like one that was."""
    if not items:
        return
    if "KIND_E2E" not in os.environ:
        raise pytest.UsageError("the stories need a cluster: make kind-e2e")
    for item in items:
        item.add_marker(pytest.mark.timeout(SLOWEST))


@pytest.fixture(scope="session")
def world():
    """Return the cluster, with the mock provider in it."""
    given = told()
    cluster = Cluster(given["name"], Path(given["folder"]))
    world = World(cluster, given["images"], Phases(Path(given["phases"])))
    world.start_provider()
    return world


@pytest.fixture(scope="module")
def namespace(world, request):
    """Make the story's own namespace, named after its file; gone with it, unless kept."""
    name = Path(request.path).stem.removeprefix("test_").replace("_", "-")
    namespace = Namespace(world, name)
    namespace.prepare()
    yield namespace
    namespace.delete()


@pytest.fixture(scope="module")
def aid(namespace, tmp_path_factory):
    """Return the shell of somebody whose proxy does not work."""
    return FirstAid(namespace, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def serving(aid):
    """Have a proxy that works there; who puts another in its place takes it back."""
    aid.deploy()
    aid.settle()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add to a failure: events, describe, the guard's log, the proxy's log."""
    report = yield
    namespace = item.funcargs.get("namespace")
    if report.failed and namespace:
        namespace.failed = True
        report.sections += list(namespace.diagnosis())
    seconds = item.config.stash.setdefault(SECONDS, Counter())
    seconds[item.path.stem.removeprefix("test_")] += report.duration
    return report


def pytest_sessionfinish(session):
    """Hand the time of each story to the table at the end of `make kind-e2e`."""
    # A story's time has its images in it, where it was the first to ask for them.
    for story, seconds in session.config.stash.get(SECONDS, {}).items():
        Phases(Path(told()["phases"])).note(f"story {story.replace('_', ' ')}", seconds)
