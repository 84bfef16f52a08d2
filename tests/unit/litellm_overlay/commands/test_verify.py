"""The checks of `verify` on a pod's report and payload, without a cluster."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from fakes.endpoint_module import STOCK
from fakes.overlaid import CATALOGUE, pod, report, workload
from litellm_overlay.catalogue import patch_files
from litellm_overlay.commands import verify
from litellm_overlay.errors import OverlayError
from litellm_overlay.fleet import verification
from litellm_overlay.local import environment
from litellm_overlay.overlay import preview

OURS = workload(patch="2.0.0")


def target(**said):
    """Return a pod whose guard has patched STOCK; arguments change its report."""
    (selected,) = verification.targets([pod(OURS, 0, report())], CATALOGUE)
    settings = selected.origin.plan["settings"]
    made = preview.patched_sha256(STOCK, "2.0.0", settings, "1.88.6")
    told = report(stockSha256=hashlib.sha256(STOCK).hexdigest(), patchedSha256=made)
    (selected,) = verification.targets([pod(OURS, 0, told | said)], CATALOGUE)
    return selected


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Publish STOCK as every release's file, but fail for 1.88.5; return the requests."""
    asked = []

    def stock_endpoints(litellm, *, offline):
        asked.append((litellm, offline))
        if litellm == "1.88.5":
            raise OverlayError("no route to the index")
        return STOCK

    monkeypatch.setattr(environment, "stock_endpoints", stock_endpoints)
    verify.published_endpoints.cache_clear()
    yield asked
    verify.published_endpoints.cache_clear()


def test_a_guard_that_tells_the_truth(asked):
    """A true report has no fault, and a file is requested once for all pods."""
    assert [verify.making_fault(target(), offline=True) for _ in range(3)] == [""] * 3
    assert asked == [("1.88.6", True)]


def test_a_guard_that_lies():
    """A report with another hash than ours is a fault: the image is not to be trusted."""
    fault = verify.making_fault(target(patchedSha256="f" * 64), offline=False)
    assert "do not trust this image" in fault


def test_what_cannot_be_compared_is_no_fault(asked):
    """An unknown file, another payload, or a missing file cannot be compared and is no fault."""
    assert verify.making_fault(target(stockSha256="0" * 64), offline=False) == ""
    other = replace(target().origin, digest="0" * 64)
    assert verify.making_fault(replace(target(), origin=other), offline=False) == ""
    asked.clear()
    for _ in range(3):
        assert verify.making_fault(target(litellmVersion="1.88.5"), offline=False) == ""
    assert asked == [("1.88.5", False)]


@pytest.mark.parametrize(
    ("change", "words"),
    [({}, ""), ({"alter": "x"}, "was altered"), ({"gone": True}, "is gone")],
)
def test_the_payload_in_the_cluster(change, words):
    """The payload in the cluster must have the digest in the pod template."""

    class Cluster:
        def get(self, kind, namespace, name):
            assert (kind, name) == ("configmaps", asked_of.origin.config_map)
            files = patch_files.files("2.0.0")
            data = {path.replace("/", "."): text.decode() for path, text in files.items()}
            data["endpoint_patch.plan.py"] += change.get("alter", "")
            return None if change.get("gone") else {"data": data}

    asked_of = target()
    fault = verify.payload_fault(Cluster(), asked_of)
    assert words in fault
    assert bool(fault) is bool(words)
