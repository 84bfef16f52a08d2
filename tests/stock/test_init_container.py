"""The rendered init container, run: from the ConfigMap's keys to the file that the proxy mounts."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest
import yaml

from fakes import image
from litellm_overlay import catalogue, environment, inject, plan, values

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: proxy}}
spec:
  template:
    spec:
      containers:
      - name: litellm
        image: litellm:v1.88.6
        env:
        - name: PATH
          value: {path}
"""


@pytest.mark.parametrize("version", catalogue.load().patch_versions)
def test_the_init_container_as_rendered_patches_an_image(tmp_path, version):
    """Its command in its directory, with its environment, finds the payload where the volume puts it."""
    stock = environment.stock_endpoints("1.88.6")
    built = image.build(tmp_path / "image", stock, "1.88.6")
    known, given = (
        catalogue.load(),
        values.load("", patch_version=version, module_path=str(built.module)),
    )
    payloads = plan.payloads(given.name, known)
    text = inject.inject(
        MANIFEST.format(path=f"{built.bin}:/usr/bin:/bin"),
        lambda proxy: plan.make(given, proxy, known, payloads),
        payloads,
    ).text
    *config_maps, workload = yaml.safe_load_all(text)
    pod = workload["spec"]["template"]["spec"]
    volume = lay_out(pod, config_maps, tmp_path / "payload")
    (container,) = pod["initContainers"]
    assert container["volumeMounts"][0]["name"] == volume
    environ = {item["name"]: item["value"] for item in container["env"]}
    output, message = tmp_path / "output", tmp_path / "termination-log"
    output.mkdir()
    environ["LITELLM_OVERLAY_PLAN"] = (
        environ["LITELLM_OVERLAY_PLAN"]
        .replace("/litellm-overlay/output", str(output))
        .replace("/dev/termination-log", str(message))
    )
    assert container["command"][0] == "python3"
    done = subprocess.run(
        [sys.executable, *container["command"][1:]],
        cwd=tmp_path / "payload",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(message.read_text())
    assert (report["decision"], report["patchVersion"]) == ("patched", version)
    written = (output / "endpoints.py").read_bytes()
    assert hashlib.sha256(written).hexdigest() == report["patchedSha256"]
    assert written != stock


def lay_out(pod, config_maps, folder):
    """Do as the kubelet: write the ConfigMap's keys to the volume's paths; return its name."""
    volume = next(item for item in pod["volumes"] if "configMap" in item)
    source = volume["configMap"]
    data = next(item["data"] for item in config_maps if item["metadata"]["name"] == source["name"])
    for item in source["items"]:
        target = folder / item["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(data[item["key"]])
    assert len(source["items"]) == len(data)
    return volume["name"]
