"""Choose the workloads that get the overlay, and say why others do not. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from litellm_overlay.errors import OverlayError, ValuesError
from litellm_overlay.names import OUTPUT_VOLUME
from litellm_overlay.objects import elsewhere, recognition, replacement
from litellm_overlay.objects.access import at, items, mapping, name, namespace, string_at
from litellm_overlay.objects.workloads import (
    CHORES,
    controller_title,
    is_hook,
    runs_litellm,
    template_in,
)
from litellm_overlay.overlay import containers
from litellm_overlay.overlay.found import ChosenTemplate, Key, Skipped, Survey
from litellm_overlay.printed import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.objects.access import Object
    from litellm_overlay.objects.manifests import Document, KeyPath
    from litellm_overlay.objects.workloads import PodTemplate
    from litellm_overlay.overlay.selection import Selection
    from litellm_overlay.overlay.values import OverlayValues

_TELLING = ("litellm", "LiteLLM", "LITELLM", "containers", "workloadRef")


def survey_stream(parts: Sequence[Document], selection: Selection, values: OverlayValues) -> Survey:
    """Return the survey of a stream's documents.

    Raises OverlayError if a document is not YAML and may contain a proxy.
    """
    found_objects = list(_objects(parts))
    configs = recognition.configs(item for _, _, item in found_objects)
    templates = [match[1] for _, _, item in found_objects if (match := template_in(item))]
    signed = {
        string_at(container, "name")
        for template in templates
        for container in template.containers
        if runs_litellm(container) or recognition.container_evidence(container, template, configs)
    }
    looker = _Surveyor(selection, values, configs, signed)
    titles = Counter(_title(item) for _, _, item in found_objects)
    looker.ambiguous = {title for title, number in titles.items() if number > 1}
    for number, where, item in found_objects:
        looker.look(number, where, item)
    looker.settle()
    looker.refuse_unmatched()
    if not (looker.chosen or looker.left or looker.refused):
        for document in parts:
            _ = document.tree  # raises if it is not YAML: it may contain the proxy
    return Survey(
        tuple(looker.chosen),
        tuple(looker.left),
        tuple(each for each, _ in looker.refused),
        tuple(code for _, code in looker.refused),
        frozenset(looker.stays),
    )


def _objects(parts: Sequence[Document]) -> Iterator[tuple[int, KeyPath, Object]]:
    for number, document in enumerate(parts):
        if not any(word_ in document.text for word_ in _TELLING):
            continue
        try:
            for where, item in document.objects():
                yield number, where, item
        except OverlayError:
            if "containers" in document.text:  # otherwise it has nothing to do with LiteLLM
                raise


class _Surveyor:
    """Sorts objects into chosen, left alone and refused, one after the other."""

    def __init__(
        self, selection: Selection, values: OverlayValues, configs: set[str], signed: set[str]
    ) -> None:
        self._selection = selection
        self._values = values
        self._configs = configs
        self._signed = signed  # names of containers that look like LiteLLM in any workload
        self._seen: list[Key] = []
        self._follows: dict[str, str] = {}
        self.ambiguous: set[str] = set()  # titles of more than one object
        self._found_containers: set[str] = set()
        self.chosen: list[ChosenTemplate] = []
        self.left: list[Skipped] = []
        self.refused: list[tuple[Skipped, int]] = []
        self.stays: set[tuple[int, KeyPath]] = set()

    def look(self, number: int, where: KeyPath, item: Object) -> None:
        """Add an object to `chosen`, `left` or `refused`.

        An object that does not look like LiteLLM, has no overlay and is not named is ignored.
        """
        title = _title(item) or f"document {number + 1}"
        if title in self.ambiguous and namespace(item):
            title = f"{string_at(item, 'kind')}/{namespace(item)}/{name(item)}"
        key = string_at(item, "kind"), namespace(item), name(item)
        match = template_in(item)
        if not match or not isinstance(at(match[1].item, "spec"), dict):
            self._look_elsewhere(item, title, key)
            return
        path, template = (*where, *match[0]), match[1]
        self._seen.append(key)
        named = self._selection.names_exactly(*key)
        sign = self._sign(template)
        if not (sign or named or template.overlaid):
            return
        if stays := self._why_left(item, template, key):
            self.stays.add((number, path))
            reason, hint, expected = stays
            if named and expected and not self._selection.left_out(*key):
                self._refuse(title, OverlayError(reason, hint))
            else:
                self._leave(title, reason, hint, expected=expected)
            return
        values = self._selection.values_of(self._values, *key)
        try:
            wanted = containers.named_containers(template, values)
            if not named:
                wanted = [each for each in wanted if self._may_be(each, template)]
            self._found_containers |= {string_at(each, "name") for each in wanted}
            proxies = containers.choose(template, values, wanted, workload_named=named)
        except OverlayError as error:
            self._refuse(title, error)
            return
        if not proxies:
            self.stays.add((number, path))
            if template.overlaid:
                reason = "it carries the overlay already, and stays as it is"
                self._leave(title, reason, "", expected=True)
            else:
                self._leave(title, *self._how_to_choose(template, sign, key))
            return
        context = mapping(template.spec, "securityContext")
        mounts = (mount for each in proxies for mount in items(each, "volumeMounts"))
        self.chosen.append(
            ChosenTemplate(
                document=number,
                path=path,
                title=title,
                namespace=namespace(item),
                proxies=tuple(containers.proxy(each, context) for each in proxies),
                mounts=tuple(each for each in mounts if each.get("name") != OUTPUT_VOLUME),
                values=values,
                gap=replacement.outage_reason(item),
                named=named,
            )
        )

    def _look_elsewhere(self, item: Object, title: str, key: Key) -> None:
        """Report an object whose pods another tool or controller makes."""
        if not (unreachable := elsewhere.explain_unreachable(item)):
            return
        self._seen.append(key)
        reason, hint = unreachable
        if why := self._why_not_chosen(key):
            self._leave(title, why, "", expected=True)
        elif self._selection.names_exactly(*key):
            self._refuse(title, OverlayError(reason, hint))
        else:
            self._leave(title, reason, hint)
            self._follows[title] = elsewhere.referenced_workload(item)

    def settle(self) -> None:
        """Mark a Rollout as expected if it takes its pods from a workload that gets the overlay."""
        chosen = {item.title for item in self.chosen}
        for number, each in enumerate(self.left):
            target = self._follows.get(each.title)
            if target in chosen:
                reason = f"its pods are those of {target}, which gets the overlay"
                self.left[number] = Skipped(each.title, reason, "", expected=True)

    def refuse_unmatched(self) -> None:
        """Refuse patterns and container names that match nothing, since they must be misspelt."""
        for pattern in self._selection.unmatched(self._seen):
            sentence = "no workload in these manifests is called so"
            error = ValuesError(sentence, _titles(self._seen))
            self._refuse(pattern.text, error)
        wanted = set((self._values.container or "").split(",")) - {""}
        if missing := sorted(wanted - self._found_containers):
            sentence = (
                f"no container in these manifests is named {missing[0]}, in a workload that looks "
                "like LiteLLM"
            )
            hint = "name the workload as well: --workload KIND/NAME; Jobs and hooks are left alone"
            self._refuse("--container", OverlayError(sentence, hint))

    def _refuse(self, title: str, error: OverlayError) -> None:
        self.refused.append((Skipped(title, error.message, error.hint), error.exit_code))

    def _leave(self, title: str, reason: str, hint: str, *, expected: bool = False) -> None:
        self.left.append(Skipped(title, reason, hint, expected))

    def _sign(self, template: PodTemplate) -> str:
        if template.litellm_containers:
            return f"its image is {template.litellm_containers[0].get('image')}"
        wanted = self._values.image_name
        if wanted and (matches := containers.by_image(template, wanted)):
            return f"its image is {matches[0].get('image')}"
        return recognition.find_evidence(template, self._configs)

    def _why_left(
        self, item: Object, template: PodTemplate, key: Key
    ) -> tuple[str, str, bool] | None:
        """Return reason, hint and `expected` of a workload that is left alone, None for others."""
        kind = key[0]
        if why := self._why_not_chosen(key):
            return why, "", True
        if kind in CHORES or is_hook(item):
            what = "a hook, which" if is_hook(item) else f"a {kind}, which"
            return f"it is {what} comes to an end by itself and serves nobody", "", True
        if owner := controller_title(item):
            hint = f"inject into {owner}, or into what that is made from"
            return f"{owner} owns it, and would make it again", hint, True
        if not self._selection.names_exactly(*key) and _only_workers(template):
            return (
                "it runs LiteLLM's background jobs (LITELLM_JOB_ROLE), and is no proxy",
                "",
                True,
            )
        return None

    def _why_not_chosen(self, key: Key) -> str:
        """Return why the operator's patterns exclude a workload, "" if they do not."""
        if pattern := self._selection.left_out(*key):
            return f"it is left out, by {pattern.text}"
        if self._selection.chosen(*key):
            return ""
        names = ", ".join(each.text for each in self._selection.choosing)
        return f"it is not among the workloads that are chosen: {names}"

    def _may_be(self, container: Object, template: PodTemplate) -> bool:
        """Say whether a container may be chosen by its name alone.

        If it does not look like LiteLLM, and one of that name in another workload does, it may not.
        """
        looks = runs_litellm(container) or recognition.container_evidence(
            container, template, self._configs
        )
        return bool(looks) or string_at(container, "name") not in self._signed

    def _how_to_choose(self, template: PodTemplate, sign: str, key: Key) -> tuple[str, str]:
        listed = [string_at(each, "name") for each in template.containers]
        option = f"--workload {shell_word(f'{key[0]}/{key[2]}')}"
        if len(listed) > 1:
            option += " --container NAME"
        if "is not filled in" in sign:
            return (
                f"it looks like LiteLLM, but {sign}",
                "fill in the image before inject: envsubst, kustomize or helm template",
            )
        if sign.startswith("its init container"):
            return (
                f"it looks like LiteLLM: {sign}; inject serves containers, not init containers",
                "move the proxy below containers",
            )
        return (
            f"it looks like LiteLLM ({sign}), but no image in it is named like LiteLLM's own",
            (
                f"if it is: {option}, and --litellm VERSION where the tag does not say; if not: "
                f"--workload {shell_word(f'!{key[0]}/{key[2]}')}"
            ),
        )


def _title(item: Object) -> str:
    return f"{string_at(item, 'kind')}/{name(item)}".strip("/")


def _only_workers(template: PodTemplate) -> bool:
    return bool(template.litellm_containers) and all(
        map(recognition.is_worker, template.litellm_containers)
    )


def _titles(seen: Sequence[Key]) -> str:
    titles = sorted({f"{kind}/{called}" for kind, _, called in seen})
    more = f" and {len(titles) - 10} more" if len(titles) > 10 else ""
    return f"there are {', '.join(titles[:10])}{more}" if titles else "there is none at all"
