"""The unreviewed release 1.999.0, overlaid by `inject`, and the guard's decision."""

from __future__ import annotations

import pytest
import yaml

from fakes import image
from fakes.overlaid import workload
from litellm_overlay.overlay import inject, values
from litellm_overlay.overlay.plan import Planner
from support import init_container
from support.next_release import IMAGE, OUTCOMES, VERSION, assert_as_the_table_says, endpoints


@pytest.mark.parametrize(("what_is_new", "on_fixed"), OUTCOMES)
def test_injected(tmp_path, what_is_new, on_fixed):
    """A new comment is no obstacle; a new handler is left as it is, or refused."""
    built = image.build(tmp_path / "image", endpoints(what_is_new), VERSION)
    item = workload(image=IMAGE)
    path = {"name": "PATH", "value": f"{built.bin}:/usr/bin:/bin"}
    item["spec"]["template"]["spec"]["containers"][0]["env"] = [path]
    operator_values = values.load("", module_path=str(built.module), on_fixed=on_fixed)
    text = inject.inject(yaml.safe_dump(item), Planner.from_values(operator_values)).text
    *config_maps, made = yaml.safe_load_all(text)
    done = init_container.run(made["spec"]["template"]["spec"], config_maps, tmp_path)
    assert_as_the_table_says(done, what_is_new, on_fixed)
