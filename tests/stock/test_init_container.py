"""The rendered init container, run from the ConfigMap's keys to the file that the proxy mounts."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from fakes import image
from litellm_overlay.catalogue import releases
from litellm_overlay.local import environment
from litellm_overlay.overlay import inject, values
from litellm_overlay.overlay.plan import Planner
from support import init_container

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


@pytest.mark.parametrize("version", releases.load().patch_versions)
def test_the_init_container_as_rendered_patches_an_image(tmp_path, version):
    """The rendered command, with its folder and environment, patches an image."""
    stock = environment.stock_endpoints("1.88.6")
    built = image.build(tmp_path / "image", stock, "1.88.6")
    operator_values = values.load("", patch_version=version, module_path=str(built.module))
    text = inject.inject(
        MANIFEST.format(path=f"{built.bin}:/usr/bin:/bin"),
        Planner.from_values(operator_values),
    ).text
    *config_maps, workload = yaml.safe_load_all(text)
    pod = workload["spec"]["template"]["spec"]
    done = init_container.run(pod, config_maps, tmp_path)
    assert done.exit_code == 0, done.stderr
    report = done.report
    assert (report["decision"], report["patchVersion"]) == ("patched", version)
    assert done.written is not None
    assert hashlib.sha256(done.written).hexdigest() == report["patchedSha256"]
    assert done.written != stock
