"""The drain script, manifests/drain.sh: one text for every `preStop` hook and advice.

tests/chart/test_drain.py runs it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fakes import objects as fake
from litellm_overlay import checks, names
from litellm_overlay.catalogue import releases
from litellm_overlay.overlay import formats, values

ROOT = Path(__file__).parents[3]
DRAIN = ROOT / "manifests" / "drain.sh"
GOLDEN = ROOT / "tests" / "golden"


def test_shellcheck_finds_nothing():
    """Shellcheck accepts it for any POSIX shell."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    command = [shellcheck, "--norc", "--shell=sh", DRAIN]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_can_stand_in_yaml_and_in_templates():
    """Its text can be a YAML block, and Jinja and `tpl` do not change it."""
    text = DRAIN.read_text()
    assert all(line.strip() and line.isprintable() for line in text.splitlines())
    assert not text[0].isspace()
    assert text.endswith("\n")
    assert not [mark for mark in ("{{", "{%", "{#") if mark in text]


def test_doctor_recommends_it():
    """`doctor` prints it as a fix, after which it has no finding."""
    deployment = fake.overlaid(terminationGracePeriodSeconds=30)
    proxy = fake.proxy_of(deployment)
    del proxy["lifecycle"]
    (found,) = checks.findings([deployment], releases.load())
    lines = found.fix.splitlines()
    drain, inject = (line for line in lines if line.startswith("litellm-overlay "))
    by_hand = yaml.safe_load("\n".join(line for line in lines if line.startswith("  ")))
    hooks = {"lifecycle": by_hand.pop("lifecycle")}
    shell, option, text, *arguments = hooks["lifecycle"]["preStop"]["exec"]["command"]
    (flag,) = set(hooks["lifecycle"]["postStart"]["exec"]["command"]) - {"rm", "-f"}
    assert (shell, option, text) == ("sh", "-c", DRAIN.read_text())
    assert arguments == ["drain", flag, "120", "4000"]
    assert inject == f"litellm-overlay inject --set drainFile={flag} < MANIFESTS"
    assert drain == "litellm-overlay inject --drain < MANIFESTS"
    proxy.update(hooks)
    fake.pod_of(deployment).update(by_hand)
    assert checks.findings([deployment], releases.load()) == ()


@pytest.mark.parametrize(
    ("case", "flag", "seconds"),
    [("minimal", "/litellm-overlay/drain/now", "120"), ("everything", "/tmp/drain", "300")],
)
def test_rendered_manifests_have_it(case, flag, seconds):
    """Rendered manifests have it, with one flag for guard and hooks."""
    text = (GOLDEN / case / "expected.manifests.yaml").read_text()
    (pod,) = (
        item["spec"]["template"]["spec"]
        for item in yaml.safe_load_all(text)
        if item["kind"] == "Deployment"
    )
    (proxy,) = pod["containers"]
    hooks = proxy["lifecycle"]
    arguments = ["drain", flag, seconds, "4000"]
    assert hooks["preStop"]["exec"]["command"] == ["sh", "-c", DRAIN.read_text(), *arguments]
    assert hooks["postStart"]["exec"]["command"] == ["rm", "-f", flag]
    assert f'"drainFile":"{flag}"' in pod["initContainers"][0]["env"][0]["value"]
    mounted = {"name": "drain", "mountPath": "/litellm-overlay/drain"} in proxy["volumeMounts"]
    assert mounted == (flag == "/litellm-overlay/drain/now")
    assert mounted == ("drain" in [volume["name"] for volume in pod["volumes"]])


def test_no_flag_is_no_choice():
    """An empty drainFile gets the default flag in whole manifests."""
    for settings in ({}, {"drainFile": ""}):
        given = values.load("", settings=settings)
        adapted = formats.adapt("manifests", given).settings
        assert adapted["drainFile"] == names.DRAIN_FILE
        assert adapted["offFile"] == names.OFF_FILE
        assert formats.adapt("patch", given) == given
