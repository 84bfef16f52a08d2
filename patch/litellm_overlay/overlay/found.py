"""The result of a survey of a stream of manifests. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_overlay.objects.access import Object
    from litellm_overlay.objects.manifests import KeyPath
    from litellm_overlay.objects.workloads import Proxy
    from litellm_overlay.overlay.values import OverlayValues

Key = tuple[str, str | None, str]  # kind, namespace, name


@dataclass(frozen=True, slots=True)
class Skipped:
    """A pod template, or what leads to one, that looks like LiteLLM and is left alone.

    `expected` says that nobody need act: it is no proxy, or was left out on purpose.
    """

    title: str
    reason: str
    hint: str
    expected: bool = False


@dataclass(frozen=True, slots=True)
class ChosenTemplate:
    """A pod template that gets the overlay: in which document, its path, and its proxies.

    `values` are those that count for it. `gap` says why a refused pod is an outage there; `named`
    that the operator has named it by kind and name.
    """

    document: int
    path: KeyPath
    title: str
    namespace: str | None
    proxies: tuple[Proxy, ...]
    mounts: tuple[Object, ...]
    values: OverlayValues
    gap: str
    named: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """All that was found, in the order of the stream; `refused` are sentences with hints."""

    chosen: tuple[ChosenTemplate, ...]
    left: tuple[Skipped, ...]
    refused: tuple[Skipped, ...]
    codes: tuple[int, ...]  # the exit codes of what is refused
    stays: frozenset[tuple[int, KeyPath]]  # templates whose overlay, if any, stays as it is
