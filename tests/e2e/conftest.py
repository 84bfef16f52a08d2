"""The cluster of `make kind-e2e`, one namespace per story, and the diagnosis of a failure."""

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
SLOWEST = 900  # seconds; a story may have to build and load an image first


def told():
    """Return the settings from scripts/kind_e2e.py: cluster name and folder, images, phases."""
    return json.loads(os.environ["KIND_E2E"])


def pytest_collection_modifyitems(items):
    """Refuse to run without a cluster, so that no story is mistaken for one that ran."""
    if not items:
        return
    if "KIND_E2E" not in os.environ:
        raise pytest.UsageError("the stories need a cluster: make kind-e2e")
    for item in items:
        item.add_marker(pytest.mark.timeout(SLOWEST))


@pytest.fixture(scope="session")
def world():
    """Return the cluster, with the mock provider running in it."""
    given = told()
    cluster = Cluster(given["name"], Path(given["folder"]))
    world = World(cluster, given["images"], Phases(Path(given["phases"])))
    world.start_provider()
    return world


@pytest.fixture(scope="module")
def namespace(world, request):
    """Yield the story's namespace, named after its file; delete it afterwards unless kept."""
    name = Path(request.path).stem.removeprefix("test_").replace("_", "-")
    namespace = Namespace(world, name)
    namespace.prepare()
    yield namespace
    namespace.delete()


@pytest.fixture(scope="module")
def aid(namespace, tmp_path_factory):
    """Return the shell of an operator whose proxy does not work."""
    return FirstAid(namespace, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def serving(aid):
    """Deploy a proxy that works. A test that replaces it must restore it."""
    aid.deploy()
    aid.settle()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add to a failure's report: events, describe, the guard's log, the proxy's log."""
    report = yield
    namespace = item.funcargs.get("namespace")
    if report.failed and namespace:
        namespace.failed = True
        report.sections += list(namespace.diagnosis())
    seconds = item.config.stash.setdefault(SECONDS, Counter())
    seconds[item.path.stem.removeprefix("test_")] += report.duration
    return report


def pytest_sessionfinish(session):
    """Write each story's duration to the table at the end of `make kind-e2e`."""
    # A duration includes the images that the story was the first to request.
    for story, seconds in session.config.stash.get(SECONDS, {}).items():
        Phases(Path(told()["phases"])).note(f"story {story.replace('_', ' ')}", seconds)
