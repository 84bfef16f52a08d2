"""Each fix that doctor prints can be pasted: its commands are complete, one per line."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess

import click
import pytest

from fakes import objects as fake
from litellm_overlay import checks, cli
from litellm_overlay.catalogue import releases

CATALOGUE = releases.load()
LAYOUTS = "ghcr.io/berriai/litellm:v1.83.7"
PROGRAM = re.compile(r"(?:litellm-overlay [a-z]|kubectl [a-z]|helm [a-z]|docker [a-z])")
# The words that an operator fills in; other words in capitals are literal.
PLACEHOLDERS = {
    "CHART",
    "HASH",
    "IMAGE",
    "MANIFESTS",
    "MINE.yaml",
    "NAME",
    "PATH",
    "POD",
    "RELEASE",
    "URL",
}


def changed(change, image=fake.IMAGE):
    """Return a Deployment with the overlay and an edit of its pod."""
    deployment = copy.deepcopy(fake.overlaid(image))
    change(fake.pod_of(deployment))
    return deployment


def set_in(*path, to):
    """Return an edit that sets a path of the pod spec."""

    def edit(pod):
        for key in path[:-1]:
            pod = pod[key]
        pod[path[-1]] = to

    return edit


def two():
    """Return a Deployment with two containers of LiteLLM's image."""
    deployment = fake.stock(LAYOUTS)
    fake.pod_of(deployment)["containers"].append({"name": "second", "image": LAYOUTS})
    return deployment


def undrained(version="2.0.0"):
    """Return one replica with the overlay and without a drain."""
    deployment = copy.deepcopy(fake.overlaid(version=version, terminationGracePeriodSeconds=30))
    del fake.proxy_of(deployment)["lifecycle"]
    deployment["spec"]["replicas"] = 1
    return deployment


def stateful():
    """Return a StatefulSet with the overlay."""
    return {**fake.overlaid(), "kind": "StatefulSet"}


MOUNT = ("containers", 0, "volumeMounts")
REFUSED = {"decision": "refused", "message": "No.", "hint": "Set it."}
RULES = [{"backendRefs": [{"name": "litellm"}], "timeouts": {"request": "1s"}}]
# fault: topic -> the objects
WRONG = {
    "affected": [fake.stock()],
    "affected-two-layouts": [fake.stock(LAYOUTS)],
    "affected-two-containers": [two()],
    "handshake-fixed": [fake.stock("ghcr.io/berriai/litellm:v1.89.0")],
    "malicious": [fake.stock("ghcr.io/berriai/litellm:v1.82.7")],
    "advisories": [fake.stock("ghcr.io/berriai/litellm:v1.82.3")],
    "unknown-release": [fake.stock("ghcr.io/berriai/litellm:main-stable")],
    "unreviewed": [fake.stock("ghcr.io/berriai/litellm:v1.999.0")],
    "fixed": [fake.overlaid("ghcr.io/berriai/litellm:v1.90.0")],
    "no-endpoint": [fake.overlaid("ghcr.io/berriai/litellm:v1.79.0")],
    "refused": [fake.overlaid(), fake.pod({**REFUSED, "hint": ""})],
    "report-unreadable": [fake.overlaid(), fake.pod("{}")],
    "two-images": [fake.overlaid(), fake.pod(REFUSED, images=("sha256:a", "sha256:b"))],
    "no-init-container": [fake.overlaid(initContainers=[])],
    "no-init-container-job": [fake.workload({**fake.pod_of(fake.overlaid()), "initContainers": []}, "Job")],
    "no-mount": [changed(set_in(*MOUNT, to=[]))],
    "no-subpath": [changed(set_in(*MOUNT, 0, "subPath", to=""))],
    "foreign-init-container": [changed(set_in("initContainers", 0, "command", to=["true"]))],
    "init-not-first": [changed(lambda pod: pod["initContainers"].insert(0, {"name": "migrate"}))],
    "other-image": [changed(set_in("containers", 0, "image", to="litellm:v1.88.5"))],
    "module-path": [changed(set_in(*MOUNT, 0, "mountPath", to="/x/endpoints.py"))],
    "module-path-not-known": [fake.overlaid(path="/x/endpoints.py")],
    "two-proxies": [changed(lambda pod: pod["containers"].append({"name": "b", "image": fake.IMAGE}))],
    "payload-missing": [fake.overlaid(), fake.config_map("payload-1.0.0")],
    "payload-missing-of-another": [
        changed(set_in("volumes", 0, "configMap", "name", to="x")), fake.config_map("y")
    ],
    "outage": [stateful()],
    "no-drain": [undrained()],
    "no-drain-1.0.0": [undrained("1.0.0")],
    "ingress-traefik": [fake.overlaid(), fake.service(), fake.ingress("traefik")],
    "gke-timeout": [fake.overlaid(), fake.service(), fake.ingress("gce")],
    "route-timeout": [fake.overlaid(), fake.service(), fake.custom("HTTPRoute", rules=RULES)],
}  # fmt: skip
FIXES = {
    f"{what}: {item.topic}": item.fix
    for what, objects in WRONG.items()
    for item in checks.findings(objects, CATALOGUE)
}


def commands(fix):
    """Return the command lines of a fix, also those in YAML comments."""
    lines = (line.strip().removeprefix("# and: ") for line in fix.splitlines())
    return [line for line in lines if PROGRAM.match(line)]


@pytest.mark.parametrize("what", WRONG)
def test_each_is_found(what):
    """Each fault is found."""
    assert any(item.topic in what for item in checks.findings(WRONG[what], CATALOGUE))


def test_there_is_much_to_paste():
    """There are more than 40 commands to test."""
    assert len([line for fix in FIXES.values() for line in commands(fix)]) > 40


@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_a_command_is_a_line_of_its_own(fix):
    """A command has its own line; next to commands, sentences are comments."""
    lines = fix.splitlines()
    for line in lines:
        said = line.strip().removeprefix("# and: ")
        assert PROGRAM.match(said) or not re.search(rf"(?<![|] )\b{PROGRAM.pattern}", said), line
    if commands(fix) and "apiVersion" not in fix:
        assert [line for line in lines if not re.match(r"#|  |[a-z-]+ ", line)] == []


@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_a_shell_can_read_each_command(fix):
    """A shell parses each command, and words in capitals are placeholders."""
    for line in commands(fix):
        done = subprocess.run(["bash", "-n", "-c", line], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), line
        words = re.findall(r"(?<![\w./-])[A-Z][A-Z.a-z]*[A-Z](?:\.yaml)?\b", line)
        assert set(words) - PLACEHOLDERS - {"LITELLM_KEY"} == set(), line


@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_our_own_verbs_take_these_options(fix):
    """Our verbs accept the options and values in the commands."""
    ours = (
        part.strip()
        for line in commands(fix)
        for part in line.split(" | ")
        if part.strip().startswith("litellm-overlay ")
    )
    for line in ours:
        _, verb, *arguments = shlex.split(re.sub(r" [<>] \S+", "", line))
        command = cli.root.get_command(click.Context(cli.root), verb)
        assert command is not None, line
        command.make_context(verb, arguments)


@pytest.mark.parametrize(
    ("what", "first"),
    [
        ("affected: affected", "litellm-overlay inject < MANIFESTS"),
        ("affected-two-containers: affected", "kubectl exec POD --container NAME -- ls /usr/lib/"),
        ("no-mount: no-mount", "litellm-overlay inject < MANIFESTS\n# with the options you had"),
        ("no-subpath: no-subpath", "litellm-overlay inject < MANIFESTS\n# with the options you had"),
        ("no-init-container: no-init-container", "litellm-overlay inject < MANIFESTS\n# with the options you had"),
        ("no-init-container-job: no-init-container", "litellm-overlay render --format litellm-helm-values "),
        ("outage: outage", "litellm-overlay inject --on-unknown passthrough < MANIFESTS\n"),
        ("no-drain: no-drain", "litellm-overlay inject --drain < MANIFESTS\n"),
        ("no-drain-1.0.0: no-drain", "# patch 1.0.0 cannot drain, 2.0.0 can\nlitellm-overlay inject --patch "),
        ("module-path-not-known: module-path", "litellm-overlay inject --module-path PATH < MANIFESTS\n# PATH is "),
    ],
)  # fmt: skip
def test_what_is_to_be_pasted_first(what, first):
    """The fix begins with the right command, with the options that inject needs."""
    assert FIXES[what].startswith(first)


def test_two_containers_in_two_layouts_are_asked_for_at_once():
    """For two containers in two layouts the command has both options that inject requires."""
    fix = FIXES["affected-two-containers: affected"].splitlines()
    assert fix[-1] == ("litellm-overlay inject --container NAME --module-path PATH < MANIFESTS")


def test_a_proxy_that_doctor_was_told_of_is_named_to_inject():
    """For a proxy named by an option, the command names it to inject as well."""
    named = checks.Named(image_name="gateway")
    image = "registry.example.com/team/gateway:v1.88.6"
    found = checks.findings([fake.stock(image)], CATALOGUE, named)
    assert [item.fix for item in found if item.topic == "affected"] == [
        "litellm-overlay inject --workload Deployment/litellm < MANIFESTS"
    ]
