"""Render an OverlayPlan as YAML by the templates in manifests/. The only jinja2 import."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jinja2

from litellm_overlay import _resources, names
from litellm_overlay.overlay.json_text import to_json, to_word

if TYPE_CHECKING:
    from litellm_overlay.overlay.drain import Drain
    from litellm_overlay.overlay.plan import OverlayPlan


@dataclass(frozen=True, slots=True)
class Fragment:
    """The overlay of one pod as YAML: whole lines, no indentation, no line feed at the end."""

    init_container: str
    volumes: str
    mount: str
    annotations: str
    drain_seconds: int = 0
    drain_file: str = names.DRAIN_FILE


def render(template: str, **values: object) -> str:
    """Return a template's text, with one line feed at its end."""
    return _environment().get_template(template).render(names=names, **values).rstrip("\n") + "\n"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A plan to render, and the key under which its fragment is cached.

    The key covers all that the fragment depends on. Most pods of a fleet share one.
    """

    key: str
    overlay: OverlayPlan = field(compare=False)


def render_fragment(overlay: OverlayPlan) -> Fragment:
    """Return the parts of the overlay that go into a pod template."""
    plan = replace(overlay, payload=replace(overlay.payload, items=()))
    paths = [item.path for item in overlay.payload.items]
    return _fragment(_Asked(repr((plan, paths)), overlay))


@lru_cache(maxsize=64)
def _fragment(asked: _Asked) -> Fragment:
    overlay = asked.overlay
    macros = _macros()
    return Fragment(
        init_container=str(macros.init_container(overlay)),
        volumes=str(macros.volumes(overlay)),
        mount=str(macros.mount(overlay)),
        annotations=str(macros.annotations(overlay)),
        drain_seconds=overlay.drain_seconds,
        drain_file=overlay.drain_file,
    )


@lru_cache(maxsize=64)
def drain_hooks(drain: Drain, port: int) -> str:
    """Return the hooks of a proxy that drains, as YAML below `lifecycle`."""
    return str(_macros().drain_hooks(drain.flag, drain.seconds, port))


@lru_cache(maxsize=1)
def drain_volume() -> tuple[str, str]:
    """Return the flag's volume and its mount in the proxy, as YAML."""
    return str(_macros().drain_volume()), str(_macros().drain_mount())


@lru_cache(maxsize=1)
def _macros() -> Any:
    return _environment().get_template("_overlay.yaml.j2").make_module({"names": names})


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_resources.root("manifests")),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML; every text goes through one of the filters below
        keep_trailing_newline=True,
    )
    environment.filters.update(
        json=to_json, word=to_word, single_quoted=_single_quoted, block=_block
    )
    return environment


def _single_quoted(value: str) -> str:
    """Return a text as a single-quoted YAML scalar, in which JSON stays readable."""
    return "'" + value.replace("'", "''") + "'"


def _block(value: str, indent: int) -> str:
    """Return a text as a YAML block, which people can read; as JSON if a block cannot hold it.

    A block must not begin with a space, must end with exactly one line feed, and must not contain
    control characters.
    """
    lines = value.split("\n")
    plain = all(line.isprintable() for line in lines) and not value[:1].isspace()
    if not plain or lines[-1] or len(lines) < 2 or not lines[-2].strip():
        return to_json(value)
    return "|\n" + textwrap.indent(value.rstrip("\n"), " " * indent)
