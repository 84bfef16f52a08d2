"""The messages of `uninject` and `inject --remove`."""

from __future__ import annotations

import pytest

from litellm_overlay.overlay import inject, values
from litellm_overlay.overlay.plan import Planner
from support.fleet_manifests import FLEET

PLAIN, OLD = FLEET["Deployment/plain"], FLEET["StatefulSet/old"]
BOTH = inject.inject(f"{PLAIN}---\n{OLD}", Planner.from_values(values.load(""))).text
PLAIN_OUT = "Deployment/plain: the overlay is taken out\n"
OLD_OUT = "StatefulSet/old: the overlay is taken out\n"
PAYLOAD = (
    "payload: 2 ConfigMaps taken out\n"
    "hint: kubectl apply leaves them in the cluster; when no pod there needs them: "
    "litellm-overlay render --format payload | kubectl delete --filename -\n"
)
STAYS = "{}: left alone: it carries the overlay, and is not among those chosen\n"
CASES = {
    "all": (BOTH, [], PLAIN_OUT + OLD_OUT + PAYLOAD),
    "one": (BOTH, ["StatefulSet/old"], OLD_OUT + STAYS.format("Deployment/plain")),
    "but-one": (BOTH, ["!StatefulSet/old"], PLAIN_OUT + STAYS.format("StatefulSet/old")),
    "misspelt": (
        BOTH,
        ["Deployment/old"],
        STAYS.format("Deployment/plain")
        + STAYS.format("StatefulSet/old")
        + "nothing to do: no workload that is chosen carries the overlay\n",
    ),
    "none": (PLAIN, [], "nothing to do: no workload in these manifests carries the overlay\n"),
    "payload-alone": (BOTH.partition("---\napiVersion: apps/v1")[0], [], PAYLOAD),
}


@pytest.mark.parametrize("verb", [["uninject"], ["inject", "--remove"]], ids=" ".join)
@pytest.mark.parametrize(("text", "workloads", "said"), CASES.values(), ids=CASES)
def test_what_was_taken_out_is_said(cli, verb, text, workloads, said):
    """What was removed, or that nothing was, is on stderr."""
    options = [word for each in workloads for word in ("--workload", each)]
    done = cli(*verb, *options, stdin=text)
    assert (done.code, done.err) == (0, said)
    assert done.out == inject.remove(text, workloads)


def test_a_dry_run_takes_nothing_out(cli):
    """With --dry-run it is on stdout, and no manifests are printed."""
    done = cli("inject", "--remove", "--dry-run", stdin=BOTH)
    assert (done.code, done.out, done.err) == (0, PLAIN_OUT + OLD_OUT + PAYLOAD, "")
