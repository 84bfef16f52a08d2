"""The unreviewed release 1.999.0, installed by the chart, and the guard's decision."""

from __future__ import annotations

import json

import pytest

from fakes import image
from support import helm, init_container
from support.next_release import OUTCOMES, VERSION, assert_as_the_table_says, endpoints


@pytest.mark.parametrize(("what_is_new", "on_fixed"), OUTCOMES)
def test_installed(tmp_path, what_is_new, on_fixed):
    """The chart renders it, and the guard decides by the file."""
    built = image.build(tmp_path / "image", endpoints(what_is_new), VERSION)
    env = json.dumps([{"name": "PATH", "value": f"{built.bin}:/usr/bin:/bin"}])
    made = helm.objects(
        *helm.LEAST,
        *("--set", f"image.tag=v{VERSION},modulePath={built.module},patch.onFixed={on_fixed}"),
        *("--set-json", f"env={env}"),
    )
    (deployment,) = (item for (kind, _), item in made.items() if kind == "Deployment")
    config_maps = [item for (kind, _), item in made.items() if kind == "ConfigMap"]
    pod = deployment["spec"]["template"]["spec"]
    done = init_container.run(pod, config_maps, tmp_path)
    assert_as_the_table_says(done, what_is_new, on_fixed)
