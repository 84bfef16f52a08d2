"""Describe objects that look like LiteLLM, for when no proxy was recognised. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.checks.world import find_templates
from litellm_overlay.objects import elsewhere, recognition
from litellm_overlay.objects.access import qualified_name
from litellm_overlay.objects.workloads import is_workload
from litellm_overlay.printed import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.objects.access import Object


def describe_near_misses(objects: Sequence[Object]) -> Iterator[tuple[str, str]]:
    """Yield a sentence on each object that looks like LiteLLM, and the next step."""
    configs = recognition.configs(objects)
    for workload in find_templates(objects):
        sign = recognition.find_evidence(workload.template, configs)
        if sign and is_workload(workload.item):
            kind, _, name = workload.qualified_name.partition("/")
            named = shell_word(f"{kind}/{name.rpartition('/')[2]}")
            yield (
                f"{workload.qualified_name} looks like LiteLLM: {sign}; if it is, name it",
                f"litellm-overlay inject --workload {named} < MANIFESTS",
            )
    for item in objects:
        if reason := elsewhere.explain_unreachable(item):
            yield f"{qualified_name(item) or 'a document'}: {reason[0]}", reason[1]
