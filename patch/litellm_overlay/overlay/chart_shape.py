"""Find which values a chart of LiteLLM reads, by its templates. Pure.

The rules fit `litellm-helm`, and these commits of `helm/litellm` in LiteLLM's repository:

- 4e5b5a9c, 00e7401e: gateway.image, no way to add an init container
- 820d0af7, 74795c8b: image, gateway.extraInitContainers; the first has extraResources, too
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_overlay.errors import ValuesError
from litellm_overlay.objects import yaml_tree
from litellm_overlay.objects.access import items, string_at

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED = ("extraInitContainers", "volumes", "volumeMounts")
_POST_RENDERER = (
    "let inject be Helm's post-renderer, whatever the chart: --post-renderer litellm-overlay "
    "--post-renderer-args inject"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The values that a chart reads.

    `image_at_top` says that the image is not in the proxy's section. `has_resources` says that the
    chart reads extraResources.
    """

    image_at_top: bool
    has_resources: bool


def read(section: str, files: Mapping[str, str]) -> Shape:
    """Return the shape of a chart; `files` maps its paths to texts.

    `section` is the key of the proxy's values, "" for the top level. Raises ValuesError unless the
    templates read all values that the overlay needs.
    """
    about = yaml_tree.load(files.get("Chart.yaml", ""), "the chart's Chart.yaml")
    name = f"{string_at(about, 'name') or 'the chart'} {string_at(about, 'version')}".strip()
    texts = [text for path, text in files.items() if path.startswith("templates/")]
    prefix = f"{section}." if section else ""

    def knows(key: str) -> bool:
        form = re.compile(rf"\.Values\.{re.escape(key)}\b")
        return any(form.search(text) for text in texts)

    if missing := [f"{prefix}{key}" for key in _NEEDED if not knows(f"{prefix}{key}")]:
        raise ValuesError(
            f"no template of {name} reads {' or '.join(missing)}, so values alone cannot bring "
            "the overlay into it",
            _POST_RENDERER,
        )
    own, top = knows(f"{prefix}image.repository"), knows("image.repository")
    if not (own or top):
        raise ValuesError(
            f"no template of {name} reads {prefix}image.repository or image.repository",
            _POST_RENDERER,
        )
    return Shape(image_at_top=not own, has_resources=knows("extraResources"))


def subchart(name: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a subchart, by its name or alias; paths are relative to it.

    Raises ValuesError if there is none.
    """
    about = yaml_tree.load(files.get("Chart.yaml", ""), "the chart's Chart.yaml")
    aliased = (it for it in items(about, "dependencies") if string_at(it, "alias") == name)
    folder = f"charts/{string_at(next(aliased, {}), 'name') or name}/"
    texts = {
        path.removeprefix(folder): text for path, text in files.items() if path.startswith(folder)
    }
    if not texts:
        there = sorted({path.split("/")[1] for path in files if path.startswith("charts/")})
        raise ValuesError(
            f"the chart has no subchart {name}",
            f"there are: {', '.join(there) or 'none'}; helm dependency build fetches them",
        )
    return texts
