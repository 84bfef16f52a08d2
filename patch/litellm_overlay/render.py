"""OverlayPlan in, YAML text out, through the templates in manifests/. The only jinja2 import."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jinja2

from litellm_overlay import _resources, plan

if TYPE_CHECKING:
    from litellm_overlay.plan import OverlayPlan


@dataclass(frozen=True, slots=True)
class Fragment:
    """The overlay of one pod as YAML: whole lines, no indentation, no line feed at the end."""

    init_container: str
    volumes: str
    mount: str
    annotations: str


def render(template: str, **values: object) -> str:
    """Return a template's text, with one line feed at its end."""
    return _environment().get_template(template).render(names=plan, **values).rstrip("\n") + "\n"


def fragment(overlay: OverlayPlan) -> Fragment:
    """Return the parts that go into a pod template."""
    macros: Any = _environment().get_template("_overlay.yaml.j2").make_module({"names": plan})
    return Fragment(
        init_container=str(macros.init_container(overlay)),
        volumes=str(macros.volumes(overlay)),
        mount=str(macros.mount(overlay)),
        annotations=str(macros.annotations(overlay)),
    )


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_resources.root("manifests")),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML; every text goes through one of the filters below
        keep_trailing_newline=True,
    )
    environment.filters.update(json=_json, single_quoted=_single_quoted, block=_block)
    return environment


def _json(value: object) -> str:
    """Return JSON, which YAML reads as it is."""
    return json.dumps(value, ensure_ascii=False)


def _single_quoted(value: str) -> str:
    """Return a YAML scalar in which JSON stays readable."""
    return "'" + value.replace("'", "''") + "'"


def _block(value: str, indent: int) -> str:
    """Return a text as a YAML block, for people to read; as JSON where a block could not hold it.

    A block may not begin with a space, must end with exactly one line feed, and holds no control
    characters.
    """
    lines = value.split("\n")
    plain = all(line.isprintable() for line in lines) and not value[:1].isspace()
    if not plain or lines[-1] or len(lines) < 2 or not lines[-2].strip():
        return _json(value)
    return "|\n" + textwrap.indent(value.rstrip("\n"), " " * indent)
