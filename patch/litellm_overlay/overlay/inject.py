"""Add the overlay to manifests, or remove it. Pure.

A document without a proxy stays byte for byte. In any other, text is inserted, and all else stays.
An older overlay is removed before a new one is added. So a second injection changes nothing, an
update equals an installation, and removal restores the original. The overlay of a workload that is
not chosen stays as it is.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_overlay.errors import OverlayError
from litellm_overlay.names import DIGEST_ANNOTATION, OUTPUT_VOLUME
from litellm_overlay.objects.access import at, is_payload, items, name, namespace, string_at
from litellm_overlay.objects.manifests import Document, documents, join
from litellm_overlay.objects.workloads import template_in
from litellm_overlay.overlay import meaning, pod_edits, survey, templates
from litellm_overlay.overlay.pod_edits import NAMES, Place
from litellm_overlay.overlay.selection import Selection, parse_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from litellm_overlay.objects.access import Object
    from litellm_overlay.objects.manifests import KeyPath
    from litellm_overlay.objects.workloads import PodTemplate
    from litellm_overlay.overlay.found import ChosenTemplate, Skipped
    from litellm_overlay.overlay.plan import OverlayPlan, Planner

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Injected:
    """The manifests with the overlay, and the result for each workload.

    `text` is "" if a workload is refused, or if none gets the overlay. `overlaid` has the title
    ("Deployment/litellm") and plan of each that gets it. `left` has those left alone, `refused`
    those that cannot get it. `warnings` are pairs of a sentence and a hint. `gaps` has title and
    reason of each workload in which a refused pod causes an outage.
    """

    text: str
    overlaid: tuple[tuple[str, OverlayPlan], ...]
    left: tuple[Skipped, ...] = ()
    refused: tuple[Skipped, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    gaps: tuple[tuple[str, str], ...] = ()
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """The manifests without the overlay, and what was removed.

    `out` has the titles ("Deployment/litellm") of workloads that lost the overlay, `stay` of those
    that keep it. `payloads` is the number of ConfigMaps removed.
    """

    text: str
    out: tuple[str, ...]
    stay: tuple[str, ...]
    payloads: int


def inject(manifests: str, planner: Planner, workloads: Sequence[str] = ()) -> Injected:
    """Return manifests with the overlay in each proxy's pod, and its ConfigMaps before the first.

    `workloads` are patterns for `selection.parse_pattern`. Raises OverlayError if there is no
    proxy, or if one of them cannot get the overlay.
    """
    result = plan_injection(manifests, planner, workloads)
    if result.refused:
        raise refusal(result)
    if not result.overlaid:
        raise nothing_overlaid(result)
    return result


def refusal(result: Injected, *, already_listed: bool = False) -> OverlayError:
    """Return the error for a stream in which a workload cannot get the overlay.

    `already_listed` says that the reasons have been listed; then the error only counts them.
    """
    first, *more = result.refused
    also = "".join(f"; {each.title}: {each.reason}" for each in more)
    error = OverlayError(f"{first.title}: {first.reason}{also}", first.hint)
    if already_listed:
        number = len(result.refused)
        refusals = f"{number} refusals" if more else "1 refusal"
        error = OverlayError(
            f"{refusals}, so nothing is written", "what is refused is listed above, with its reason"
        )
    error.exit_code = result.exit_code
    return error


def nothing_overlaid(result: Injected, *, already_listed: bool = False) -> OverlayError:
    """Return the error for a stream in which nothing gets the overlay.

    `already_listed` says that what was left alone has been listed.
    """
    names = "" if already_listed else ", ".join(each.title for each in result.left)
    hints = [each.hint for each in result.left if each.hint and not each.expected]
    if not hints:
        hints = [
            "name the proxy: --workload KIND/NAME --container NAME; Jobs and hooks are left alone"
        ]
    elif already_listed:
        hints = ["each hint above says how to patch it"]
    return OverlayError(
        "no container in these manifests runs an image of LiteLLM that inject can patch"
        + (f"; left alone: {names}" if names else ""),
        hints[0],
    )


def plan_injection(
    manifests: str,
    planner: Planner,
    workloads: Sequence[str] = (),
    pods: Callable[[str | None], Sequence[Object]] | None = None,
) -> Injected:
    """Return the result of `inject`, with refusals in it instead of an error.

    `pods` returns the pods of a namespace; None means that of the context. It is called only where
    neither values nor tag name a release.
    """
    mark, text = _split_mark(manifests)
    parts = [Document(each) for each in documents(text)]
    _ = planner.payload  # raises for an unknown patch version, which no workload causes
    selection = Selection.from_options(workloads, planner.values)
    surveyed = survey.survey_stream(parts, selection, planner.values)
    planned = meaning.plan_all(
        surveyed.chosen, planner, _running(parts, surveyed.chosen, planner, pods)
    )
    left, refused = (*surveyed.left, *planned.left), (*surveyed.refused, *planned.refused)
    result = Injected(
        "", tuple((item.title, plan) for item, plan in planned.plans), left, refused,
        planned.warnings,
        tuple((item.title, item.gap) for item, _ in planned.plans if item.gap),
        (surveyed.codes + planned.codes + (0,))[0],
    )  # fmt: skip
    if refused or not planned.plans:
        return result
    bare = _bare(parts, surveyed.stays)
    by_document: dict[int, list[tuple[ChosenTemplate, OverlayPlan]]] = defaultdict(list)
    for item, plan in planned.plans:
        by_document[item.document].append((item, plan))
    there, rendered = _payloads_in(bare), planner.rendered
    made: list[str] = []
    above = _lines_above(parts)
    for number, document in enumerate(bare):
        here = by_document.get(number, [])
        for item, plan in here:
            needed = [it for it in planner.payloads if it in rendered or it == plan.payload]
            missing = [it for it in needed if (item.namespace, it.name) not in there]
            there |= {(item.namespace, it.name) for it in missing}
            if missing:
                body = templates.render(
                    "payload.yaml.j2", payloads=missing, namespace=item.namespace
                )
                made += documents(f"---\n{body}")
        if document is not None:
            made.append((_with_overlay(document, here, above[number]) if here else document).text)
    return replace(result, text=mark + join(text, made))


def _running(
    parts: Sequence[Document],
    chosen: Sequence[ChosenTemplate],
    planner: Planner,
    pods: Callable[[str | None], Sequence[Object]] | None,
) -> list[Object]:
    """Return pods whose guards may report a release: those of the stream, else of a cluster."""
    silent = {it.namespace for it in chosen if not meaning.says_release(it, planner.catalogue)}
    if pods is None or not silent:
        return []
    there = [
        item
        for part in parts
        if "initContainerStatuses" in part.text
        for _, item in part.objects()
        if string_at(item, "kind") == "Pod"
    ]
    return there or [item for home in sorted(silent, key=str) for item in pods(home)]


def remove(manifests: str, workloads: Sequence[str] = ()) -> str:
    """Return the manifests without the overlay of these workloads; of all, if none is given."""
    return take_out(manifests, workloads).text


def take_out(manifests: str, workloads: Sequence[str] = ()) -> Removed:
    """Return the manifests without the overlay, as `remove` does, and what was removed."""
    mark, text = _split_mark(manifests)
    parts = [Document(each) for each in documents(text)]
    chosen = Selection(tuple(map(parse_pattern, workloads)))
    out, stay = [], {}
    for number, where, item in _overlaid(parts):
        title = f"{string_at(item, 'kind')}/{name(item)}"
        if _is_meant(item, chosen):
            out.append(title)
        else:
            stay[number, where] = title
    bare = _bare(parts, stay)
    payloads = sum(each is None for each in bare)
    text = mark + join(text, [each.text for each in bare if each is not None])
    return Removed(text, tuple(out), tuple(stay.values()), payloads)


def _is_meant(item: Object, chosen: Selection) -> bool:
    key = string_at(item, "kind"), namespace(item), name(item)
    return chosen.chosen(*key) and not chosen.left_out(*key)


def _split_mark(manifests: str) -> tuple[str, str]:
    """Return the byte order mark at the beginning of a stream, "" for none, and the rest."""
    mark = _BOM if manifests.startswith(_BOM) else ""
    return mark, manifests.removeprefix(mark)


def _overlaid(parts: Sequence[Document]) -> Iterator[tuple[int, KeyPath, Object]]:
    """Yield document index, key path and object of each pod template with an overlay."""
    for number, document in enumerate(parts):
        if OUTPUT_VOLUME not in document.text:
            continue
        for where, item in document.objects():
            template = template_in(item)
            if template and at(template[1].item, "spec") is not None and _carries(template[1]):
                yield number, (*where, *template[0]), item


def _carries(template: PodTemplate) -> bool:
    """Say whether a template has the overlay or any part of it."""
    volumes = items(template.spec, "volumes")
    return template.overlaid or any(string_at(each, "name") in NAMES for each in volumes)


def _bare(
    parts: Sequence[Document], stays: Collection[tuple[int, KeyPath]]
) -> list[Document | None]:
    """Return the documents without overlays, except in the templates of `stays`.

    A payload becomes None, unless an overlay stays in its namespace.
    """
    made: list[Document | None] = [*parts]
    homes = set()
    doomed: dict[int, list[Place]] = defaultdict(list)
    for number, where, item in _overlaid(parts):
        if (number, where) in stays:
            homes.add(namespace(item))
        else:
            title = f"{string_at(item, 'kind')}/{name(item)}"
            doomed[number].append(Place(where, title))
    above = _lines_above(parts)
    for number, places in doomed.items():
        made[number] = pod_edits.remove(parts[number], places, above=above[number])
    for number, document in enumerate(parts):
        payload = _payload(document)
        if payload and namespace(payload) not in homes:
            made[number] = None
    return made


def _payload(document: Document) -> Object | None:
    """Return the payload ConfigMap that a document is, of any version; None for anything else."""
    if DIGEST_ANNOTATION not in document.text or "kind: ConfigMap" not in document.text:
        return None
    return next((it for where, it in document.objects() if where == () and is_payload(it)), None)


def _payloads_in(parts: Sequence[Document | None]) -> set[tuple[str | None, str]]:
    payloads = filter(None, map(_payload, filter(None, parts)))
    return {(namespace(item), name(item)) for item in payloads}


def _lines_above(parts: Sequence[Document]) -> list[int]:
    """Return how many lines stand above each document."""
    return [0, *itertools.accumulate(part.text.count("\n") for part in parts)]


def _with_overlay(
    document: Document, here: Sequence[tuple[ChosenTemplate, OverlayPlan]], above: int
) -> Document:
    return pod_edits.add(
        document,
        [
            (
                Place(item.path, item.title, tuple(each.container for each in item.proxies)),
                templates.render_fragment(plan),
            )
            for item, plan in here
        ],
        above=above,
    )
