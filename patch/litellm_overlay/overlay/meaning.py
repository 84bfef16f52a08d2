"""Plan each chosen workload, and refuse options that cannot fit all of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_overlay.errors import NotInCatalogueError, OverlayError, ValuesError
from litellm_overlay.objects.release_from_pods import release_from_pods
from litellm_overlay.overlay.found import Skipped
from litellm_overlay.overlay.identity import release_in_tag
from litellm_overlay.overlay.plan import HARMLESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.catalogue.releases import Catalogue, Release
    from litellm_overlay.objects.access import Object
    from litellm_overlay.overlay.found import ChosenTemplate
    from litellm_overlay.overlay.plan import OverlayPlan, Planner
    from litellm_overlay.overlay.values import OverlayValues


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of chosen workloads, and the workloads without one.

    Those in `left` need no overlay, those in `refused` cannot have one. `codes` are the exit codes
    of `refused`, in the same order. `warnings` are pairs of a sentence and a hint.
    """

    plans: tuple[tuple[ChosenTemplate, OverlayPlan], ...]
    left: tuple[Skipped, ...]
    refused: tuple[Skipped, ...]
    warnings: tuple[tuple[str, str], ...]
    codes: tuple[int, ...]


def plan_all(
    chosen: Sequence[ChosenTemplate], planner: Planner, running: Sequence[Object] | None = None
) -> Plans:
    """Return the plan of each chosen workload, or why it has none.

    `running` are pods whose guards may report a release that neither values nor tag name.
    """
    planned: list[tuple[ChosenTemplate, OverlayPlan]] = []
    left: list[Skipped] = []
    refused: list[tuple[Skipped, int]] = []
    warnings: list[tuple[str, str]] = []
    for item in chosen:
        image = item.proxies[0].image
        values, more_warnings = _without_contradiction(item, planner)
        warnings += more_warnings
        if running and not values.litellm_version:
            values = _learned(item, replace(planner, values=values), running)
        own = replace(planner, values=values)
        try:
            answer = own.identify(image)
            if answer.state == "no-endpoint" and answer.release:
                reason = (
                    f"LiteLLM {answer.release.version} has no Responses WebSocket endpoint; there "
                    "is nothing to patch"
                )
                left.append(Skipped(item.title, reason, "", expected=True))
                continue
            plan = own.plan(item.proxies[0])
            _require_same(item, own, plan)
            _refuse_hidden(item, plan.module_path)
        except OverlayError as error:
            refused.append((Skipped(item.title, error.message, error.hint), error.exit_code))
        else:
            planned.append((item, plan))
            warnings += _unusual_path(item, plan, planner.catalogue)
    refused += [(each, ValuesError.exit_code) for each in _beyond(planned, planner)]
    return Plans(
        tuple(planned),
        tuple(left),
        tuple(each for each, _ in refused),
        tuple(warnings),
        tuple(code for _, code in refused),
    )


def _without_contradiction(
    item: ChosenTemplate, planner: Planner
) -> tuple[OverlayValues, list[tuple[str, str]]]:
    """Return a workload's values, and warnings.

    A release given for all workloads is dropped, with a warning, if its tag names another one.
    """
    version, image = item.values.litellm_version, item.proxies[0].image
    tagged = release_in_tag(image, planner.catalogue)
    for_all = version == planner.values.litellm_version
    if (
        not (version and tagged and for_all)
        or tagged.state == "malicious"
        or _same(version, tagged, planner.catalogue)
    ):
        return item.values, []
    warning = (
        f"{item.title}: its image, {image}, says LiteLLM {tagged.version}, and that counts; "
        f"--litellm {version} is for images that do not say"
    )
    return replace(item.values, litellm_version=None), [(warning, "retag the image if it is wrong")]


def _learned(item: ChosenTemplate, planner: Planner, running: Sequence[Object]) -> OverlayValues:
    """Return the planner's values; if no release is named, with the one that pods report."""
    if says_release(item, planner.catalogue):
        return planner.values
    kind, _, name = item.title.rpartition("/")
    version = release_from_pods(kind.partition("/")[0], name, item.namespace, running)
    return replace(planner.values, litellm_version=version)


def says_release(item: ChosenTemplate, catalogue: Catalogue) -> bool:
    """Say whether a workload's values, or its image's tag, name a release."""
    image = item.proxies[0].image
    return bool(item.values.litellm_version or release_in_tag(image, catalogue))


def _same(version: str, tagged: Release, catalogue: Catalogue) -> bool:
    """Say whether a given release agrees with the one in a tag.

    A malicious or unknown one counts as agreeing, since other checks report it.
    """
    try:
        release = catalogue.release(version)
    except NotInCatalogueError:
        return True
    return release == tagged or release.state == "malicious"


def _require_same(item: ChosenTemplate, own: Planner, plan: OverlayPlan) -> None:
    """Raise OverlayError unless all containers that share the file get the same init container."""
    for other in item.proxies[1:]:
        made = own.plan(other)
        if (made.env, made.security_context) != (plan.env, plan.security_context):
            raise OverlayError(
                f"its containers {item.proxies[0].container} and {other.container} run as another "
                "user or with another PATH, and one init container cannot serve both",
                "choose one of them: --container NAME",
            )


def _unusual_path(
    item: ChosenTemplate, plan: OverlayPlan, catalogue: Catalogue
) -> Iterator[tuple[str, str]]:
    """Yield a warning if no known image of the release has the plan's module path."""
    release = plan.litellm.release
    paths = [each.path for each in catalogue.paths_of(release.version)] if release else []
    if release and paths and plan.module_path not in paths:
        yield (
            (
                f"{item.title}: images of LiteLLM {release.version} have the file at "
                f"{' or '.join(paths)}; --module-path (modulePath) says {plan.module_path}"
            ),
            f"leave the option out, unless the image is a build of your own. {HARMLESS}",
        )


def _refuse_hidden(item: ChosenTemplate, module_path: str) -> None:
    for mount in item.mounts:
        path = str(mount.get("mountPath", "")).rstrip("/")
        if module_path == path or module_path.startswith(f"{path}/"):
            raise OverlayError(
                f"the volume {mount.get('name')} is mounted at {path or '/'}, "
                f"over or above {module_path}",
                "take that mount out; or, if LiteLLM is elsewhere in this image, give the path of "
                "its endpoints.py: --module-path PATH",
            )


def _beyond(
    planned: Sequence[tuple[ChosenTemplate, OverlayPlan]], planner: Planner
) -> list[Skipped]:
    """Return a refusal of each option that cannot be right for all workloads that use it."""
    skipped = []
    path, release = planner.values.module_path, planner.values.litellm_version
    if path and len(planned) > 1:
        others = [
            f"{item.title} (LiteLLM {plan.litellm.release.version})"
            for item, plan in planned
            if item.values.module_path == path
            and plan.litellm.release
            and (paths := planner.catalogue.paths_of(plan.litellm.release.version))
            and path not in {each.path for each in paths}
        ]
        if others and len(others) < len(planned):
            skipped.append(_cannot("--module-path", path, others))
    using = [
        item
        for item, _ in planned
        if release
        and item.values.litellm_version == release
        and not item.named
        and not release_in_tag(item.proxies[0].image, planner.catalogue)
    ]
    if len({item.proxies[0].image for item in using}) > 1:
        names = [f"{item.title} ({item.proxies[0].image})" for item in using]
        skipped.append(_cannot("--litellm", str(release), names))
    return skipped


def _cannot(option: str, value: str, names: Sequence[str]) -> Skipped:
    return Skipped(
        f"{option} {value}",
        f"it cannot be meant for all of these at once: {', '.join(names)}",
        "name the workload that it is for, --workload KIND/NAME, one call each; or give each its "
        "own in the values file, below workloads",
    )
