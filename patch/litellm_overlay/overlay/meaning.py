"""The plan of each chosen workload, and whether an option can mean all of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_overlay.errors import NotInCatalogueError, OverlayError, ValuesError
from litellm_overlay.objects import told_by_pods
from litellm_overlay.overlay.found import Left
from litellm_overlay.overlay.identity import release_in_tag
from litellm_overlay.overlay.plan import HARMLESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.catalogue.releases import Catalogue, Release
    from litellm_overlay.objects.access import Object
    from litellm_overlay.overlay.found import Chosen
    from litellm_overlay.overlay.plan import OverlayPlan, Planner
    from litellm_overlay.overlay.values import OverlayValues


@dataclass(frozen=True, slots=True)
class Plans:
    """A plan for each workload, those that need none, those that cannot have one, and warnings.

    `codes` are the exit codes of the refusals, in their order.
    """

    plans: tuple[tuple[Chosen, OverlayPlan], ...]
    left: tuple[Left, ...]
    refused: tuple[Left, ...]
    warnings: tuple[tuple[str, str], ...]
    codes: tuple[int, ...]


def plans(
    chosen: Sequence[Chosen], planner: Planner, running: Sequence[Object] | None = None
) -> Plans:
    """Return what becomes of each chosen workload.

    `running` are pods that may tell a release which nothing else does.
    """
    found: list[tuple[Chosen, OverlayPlan]] = []
    left: list[Left] = []
    refused: list[tuple[Left, int]] = []
    warnings: list[tuple[str, str]] = []
    for item in chosen:
        image = item.proxies[0].image
        values, told = _without_contradiction(item, planner)
        warnings += told
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
                left.append(Left(item.title, reason, "", expected=True))
                continue
            plan = own.plan(item.proxies[0])
            _require_same(item, own, plan)
            _refuse_hidden(item, plan.module_path)
        except OverlayError as error:
            refused.append((Left(item.title, error.message, error.hint), error.exit_code))
        else:
            found.append((item, plan))
            warnings += _unusual_path(item, plan, planner.known)
    refused += [(each, ValuesError.exit_code) for each in _beyond(found, planner)]
    return Plans(
        tuple(found),
        tuple(left),
        tuple(each for each, _ in refused),
        tuple(warnings),
        tuple(code for _, code in refused),
    )


def _without_contradiction(
    item: Chosen, planner: Planner
) -> tuple[OverlayValues, list[tuple[str, str]]]:
    """Return a workload's values; without a release given for all that its own tag denies."""
    given, image = item.values.litellm_version, item.proxies[0].image
    tagged = release_in_tag(image, planner.known)
    for_all = given == planner.values.litellm_version
    if (
        not (given and tagged and for_all)
        or tagged.state == "malicious"
        or _same(given, tagged, planner.known)
    ):
        return item.values, []
    warning = (
        f"{item.title}: its image, {image}, says LiteLLM {tagged.version}, and that counts; "
        f"--litellm {given} is for images that do not say"
    )
    return replace(item.values, litellm_version=None), [(warning, "retag the image if it is wrong")]


def _learned(item: Chosen, planner: Planner, running: Sequence[Object]) -> OverlayValues:
    """Return a workload's values, with the release that its pods tell where the tag does not."""
    if says_release(item, planner.known):
        return planner.values
    kind, _, name = item.title.rpartition("/")
    told = told_by_pods.release_of(kind.partition("/")[0], name, item.namespace, running)
    return replace(planner.values, litellm_version=told)


def says_release(item: Chosen, known: Catalogue) -> bool:
    """Say whether the values of a workload, or the tag of its image, name a release."""
    image = item.proxies[0].image
    return bool(item.values.litellm_version or release_in_tag(image, known))


def _same(given: str, tagged: Release, known: Catalogue) -> bool:
    """Say whether a release may go with a tag; of malware and unknown ones others tell."""
    try:
        release = known.release(given)
    except NotInCatalogueError:
        return True
    return release == tagged or release.state == "malicious"


def _require_same(item: Chosen, own: Planner, plan: OverlayPlan) -> None:
    """Require that containers that share one file would each get the same init container."""
    for other in item.proxies[1:]:
        made = own.plan(other)
        if (made.env, made.security_context) != (plan.env, plan.security_context):
            raise OverlayError(
                f"its containers {item.proxies[0].container} and {other.container} run as another "
                "user or with another PATH, and one init container cannot serve both",
                "choose one of them: --container NAME",
            )


def _unusual_path(item: Chosen, plan: OverlayPlan, known: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield the warning for a given path that no image of the release is known to have."""
    release = plan.litellm.release
    paths = [each.path for each in known.paths_of(release.version)] if release else []
    if release and paths and plan.module_path not in paths:
        yield (
            (
                f"{item.title}: images of LiteLLM {release.version} have the file at "
                f"{' or '.join(paths)}; --module-path (modulePath) says {plan.module_path}"
            ),
            f"leave the option out, unless the image is a build of your own. {HARMLESS}",
        )


def _refuse_hidden(item: Chosen, module_path: str) -> None:
    for mount in item.mounts:
        path = str(mount.get("mountPath", "")).rstrip("/")
        if module_path == path or module_path.startswith(f"{path}/"):
            raise OverlayError(
                f"the volume {mount.get('name')} is mounted at {path or '/'}, "
                f"over or above {module_path}",
                "take that mount out; or, if LiteLLM is elsewhere in this image, give the path of "
                "its endpoints.py: --module-path PATH",
            )


def _beyond(found: Sequence[tuple[Chosen, OverlayPlan]], planner: Planner) -> list[Left]:
    """Return the options that cannot mean all the workloads that they would be used for."""
    told = []
    path, release = planner.values.module_path, planner.values.litellm_version
    if path and len(found) > 1:
        others = [
            f"{item.title} (LiteLLM {plan.litellm.release.version})"
            for item, plan in found
            if item.values.module_path == path
            and plan.litellm.release
            and (known := planner.known.paths_of(plan.litellm.release.version))
            and path not in {each.path for each in known}
        ]
        if others and len(others) < len(found):
            told.append(_cannot("--module-path", path, others))
    using = [
        item
        for item, _ in found
        if release
        and item.values.litellm_version == release
        and not item.named
        and not release_in_tag(item.proxies[0].image, planner.known)
    ]
    if len({item.proxies[0].image for item in using}) > 1:
        names = [f"{item.title} ({item.proxies[0].image})" for item in using]
        told.append(_cannot("--litellm", str(release), names))
    return told


def _cannot(option: str, value: str, names: Sequence[str]) -> Left:
    return Left(
        f"{option} {value}",
        f"it cannot be meant for all of these at once: {', '.join(names)}",
        "name the workload that it is for, --workload KIND/NAME, one call each; or give each its "
        "own in the values file, below workloads",
    )
