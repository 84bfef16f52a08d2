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
    """An object that gets no overlay, or an option that is refused, with the reason and a hint.

    `expected` says that the operator need not act: it is no proxy, or is left out on purpose.
    """

    title: str
    reason: str
    hint: str
    expected: bool = False


@dataclass(frozen=True, slots=True)
class ChosenTemplate:
    """A pod template that gets the overlay.

    `document` is its document's index in the stream, `path` its key path there. `mounts` are the
    proxies' other mounts. `values` are this workload's values. `gap` says why a refused pod causes
    an outage, "" if it does not. `named` says that the operator named it by kind and name.
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
    """The workloads of a stream, in its order: chosen, left alone or refused."""

    chosen: tuple[ChosenTemplate, ...]
    left: tuple[Skipped, ...]
    refused: tuple[Skipped, ...]
    codes: tuple[int, ...]  # exit codes of `refused`, in the same order
    stays: frozenset[tuple[int, KeyPath]]  # pod templates whose overlay, if any, must stay
