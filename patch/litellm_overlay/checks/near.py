"""What leads to LiteLLM, or looks like it, where nothing is known to run it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.checks.world import templates
from litellm_overlay.objects import elsewhere, recognition
from litellm_overlay.objects.access import title
from litellm_overlay.objects.workloads import keeps_pods
from litellm_overlay.printed import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.objects.access import Object


def near(objects: Sequence[Object]) -> Iterator[tuple[str, str]]:
    """Yield sentences, each with the next step."""
    configs = recognition.configs(objects)
    for workload in templates(objects):
        sign = recognition.sign(workload.template, configs)
        if sign and keeps_pods(workload.item):
            kind, _, name = workload.title.partition("/")
            named = shell_word(f"{kind}/{name.rpartition('/')[2]}")
            yield (
                f"{workload.title} looks like LiteLLM: {sign}; if it is, name it",
                f"litellm-overlay inject --workload {named} < MANIFESTS",
            )
    for item in objects:
        if found := elsewhere.leads(item):
            yield f"{title(item) or 'a document'}: {found[0]}", found[1]
