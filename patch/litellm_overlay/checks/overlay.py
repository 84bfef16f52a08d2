"""Check that the overlay is complete: init container, payload, mount, and nothing that hides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.checks.finding import AGAIN, Finding, join_names
from litellm_overlay.checks.release import identify
from litellm_overlay.checks.world import Workload, World, find_templates
from litellm_overlay.names import (
    INIT_CONTAINER,
    OUTPUT_VOLUME,
    PAYLOAD_PREFIX,
    PAYLOAD_VOLUME,
    STOCK_CONTAINER,
    payload_name,
)
from litellm_overlay.objects import guard_report
from litellm_overlay.objects.access import (
    Object,
    at,
    find_by_name,
    is_payload,
    items,
    labels,
    name,
    namespace,
    string_at,
)
from litellm_overlay.objects.recognition import is_worker
from litellm_overlay.objects.workloads import overlay_mount
from litellm_overlay.printed import shell_word, yaml_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.catalogue.releases import Catalogue

_RENDER = """\
litellm-overlay render --format litellm-helm-values --chart-values MINE.yaml > overlay-values.yaml
# then, with your own chart and release:
helm upgrade --install RELEASE CHART --values MINE.yaml --values overlay-values.yaml"""
_FILE = "endpoints.py"  # its name in our volume, and the mount's subPath
_EPHEMERAL = "ephemeral-storage"


def check_init_container(
    world: World, workload: Workload, catalogue: Catalogue
) -> Iterator[Finding]:
    """Yield findings about the init container of a workload."""
    del world, catalogue
    template = workload.template
    init = template.namesake

    def finding(severity: str, topic: str, what: str, why: str, fix: str = AGAIN) -> Finding:
        return Finding(workload.qualified_name, severity, topic, what, why, fix)

    yield from _several(workload)
    if not init:
        return  # check_missing_init_container reports it if there is a mount of ours
    if not template.guard:
        yield finding(
            "error",
            "foreign-init-container",
            f"an init container is named {INIT_CONTAINER}, but it does not run the guard",
            "what it writes, if anything, is not the patched file",
            f"# rename that container, then\n{AGAIN}",
        )
        return
    if not template.mounting_containers:
        path = yaml_word(template.guard_plan.get("modulePath") or "PATH")
        whole = [each for each in template.containers if _whole(each)]
        for each in whole:
            yield finding(
                "error",
                "no-subpath",
                f"the container {each.get('name')} mounts the volume {OUTPUT_VOLUME} without its "
                "subPath",
                "so the whole folder is mounted over one file, and the container cannot start",
                f"{AGAIN}\n# or by hand, in that mount:\n  subPath: {_FILE}",
            )
        if not whole:
            yield finding(
                "error",
                "no-mount",
                "the init container is there, but no container mounts what it writes",
                "the proxy runs its own, unpatched file, and nothing says so",
                f"{AGAIN}\n# or by hand, below the volumeMounts of the proxy's container:\n"
                f"  - {{name: {OUTPUT_VOLUME}, subPath: {_FILE}, readOnly: true,\n"
                f"     mountPath: {path}}}",
            )
    order = [str(each.get("name")) for each in template.init_containers]
    if order[0] != INIT_CONTAINER:
        yield finding(
            "note",
            "init-not-first",
            f"{join_names(order[: order.index(INIT_CONTAINER)])} runs before the guard",
            "what runs LiteLLM's image before it does so unchecked, and the guard's refusal comes "
            "later than it could",
        )
    for proxy in template.mounting_containers:
        if init.get("image") != proxy.get("image"):
            yield finding(
                "error",
                "other-image",
                f"the init container runs {init.get('image')}, the proxy {proxy.get('image')}",
                "the file is made from the one image and mounted into the other; of another "
                "release, it refuses to be imported",
            )
        yield from _storage(workload, init, proxy)


def _several(workload: Workload) -> Iterator[Finding]:
    """Yield a finding if several containers run LiteLLM's image, and not all have our mount."""
    template = workload.template
    serving = [each for each in template.litellm_containers if not is_worker(each)]
    bare = [each for each in serving if not overlay_mount(each)]
    if template.mounting_containers and bare:
        names = [string_at(each, "name") for each in (*template.mounting_containers, *bare)]
        yield Finding(
            workload.qualified_name,
            "note",
            "two-proxies",
            "LiteLLM's image runs without our mount in "
            f"{join_names(names[len(template.mounting_containers) :])}",
            "that container runs its own file, unpatched",
            f"litellm-overlay inject --container {shell_word(','.join(names))} < MANIFESTS\n"
            "# with the options you had, unless it is no proxy",
        )
    elif len(bare) > 1:
        names = [string_at(each, "name") for each in bare]
        yield Finding(
            workload.qualified_name,
            "warning",
            "two-proxies",
            f"LiteLLM's image runs in several containers: {join_names(names)}",
            "inject must be told which of them are proxies",
            "litellm-overlay inject --container NAME < MANIFESTS\n# NAME,NAME for several",
        )


def _whole(container: Object) -> Object | None:
    """Return a container's mount of our whole volume, without subPath; None for none."""
    mounts = (each for each in items(container, "volumeMounts") if not each.get("subPath"))
    return find_by_name(mounts, OUTPUT_VOLUME)


def check_missing_init_container(world: World) -> Iterator[Finding]:
    """Yield findings for pods, those of Jobs included, whose mounted file nothing writes."""
    for workload in find_templates(world.objects):
        if at(workload.item, "metadata", "ownerReferences"):
            continue
        writes = {INIT_CONTAINER, STOCK_CONTAINER}
        names = {string_at(each, "name") for each in workload.template.init_containers}
        if writes & names or not workload.template.mounting_containers:
            continue
        job = string_at(workload.item, "kind") in {"Job", "CronJob"}
        yield Finding(
            workload.qualified_name,
            "error",
            "no-init-container",
            "the overlay's file is mounted, but no init container writes it",
            "the volume is empty, so the container cannot start"
            + (
                "; LiteLLM's chart gives its migrations Job the proxy's volumes and mounts, but "
                "not its init containers"
                if job
                else "; a later values file that sets extraInitContainers replaces the whole list"
            ),
            f"{_RENDER}\n# or, without that chart:\n{AGAIN}"
            if job
            else f"{AGAIN}\n# or, in LiteLLM's chart:\n{_RENDER}",
        )


def check_mount(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield findings about the path of our mount, and about mounts that hide the module."""
    for proxy in workload.template.proxies:
        release = identify(world, workload, proxy, catalogue).release
        likely = [item.path for item in catalogue.paths_of(release.version)] if release else []
        ours = overlay_mount(proxy)
        path = str(ours.get("mountPath")) if ours else None
        guarded = workload.template.guard_plan.get("modulePath")
        if path and guarded and guarded != path:
            yield Finding(
                workload.qualified_name,
                "error",
                "module-path",
                f"the file is mounted over {path}, but the guard looks for {guarded}",
                "a file mounted elsewhere is never imported: the proxy stays unpatched",
                AGAIN,
            )
            likely = []  # one fault, one finding
        proven = any(
            guard_report.read(pod).fact("modulePath") == path for pod in world.pods_of(workload)
        )
        if path and likely and path not in likely and not proven:
            yield Finding(
                workload.qualified_name,
                "warning",
                "module-path",
                f"the file is mounted over {path}; images of this release are known to have it at "
                f"{' or '.join(likely)}",
                "if the path is wrong, the guard refuses and names the right one",
                _path_fix(workload, likely),
            )
        yield from _hidden(workload, proxy, [path] if path else likely)


def _path_fix(workload: Workload, likely: Sequence[str]) -> str:
    """Return the command that corrects a module path. Our own chart finds the right one itself."""
    if str(string_at(labels(workload.item), "helm.sh/chart")).startswith("litellm-overlay-"):
        return "helm upgrade RELEASE CHART --reset-then-reuse-values --set modulePath="
    return (
        "litellm-overlay inject --module-path PATH < MANIFESTS\n"
        f"# PATH is {' or '.join(likely)}; with the other options you had"
    )


def check_payload(world: World, workload: Workload, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield a finding if the payload's ConfigMap of a workload is missing."""
    here = [it for it in world.of_kind("ConfigMap") if namespace(it) == namespace(workload.item)]
    # Manifests may have their ConfigMaps in another file. Objects of a cluster, with a uid, do not.
    if not (any(map(is_payload, here)) or any(at(item, "metadata", "uid") for item in here)):
        return
    volume = find_by_name(items(workload.template.spec, "volumes"), PAYLOAD_VOLUME)
    wanted = string_at(volume, "configMap", "name")
    if wanted and wanted not in {name(item) for item in here}:
        yield Finding(
            workload.qualified_name,
            "error",
            "payload-missing",
            f"the ConfigMap {wanted} does not exist",
            "a new pod waits for it forever, in Init:0/1; pods that run are not touched",
            _making(wanted, namespace(workload.item), catalogue),
        )


def _making(payload: str, home: str | None, catalogue: Catalogue) -> str:
    """Return the command that creates a missing ConfigMap.

    Our chart names ConfigMaps after the release, so the command may set the name.
    """
    versions = catalogue.patch_versions.values()
    tails = {payload_name("", item.version, item.digest): item.version for item in versions}
    tail = next((each for each in tails if payload.endswith(each)), None)
    if not tail:
        return f"{AGAIN}\n# or upgrade with the chart: the name is of another version of either"
    render = f"litellm-overlay render --format payload --patch {tails[tail]}"
    name = payload.removesuffix(tail)
    if name != PAYLOAD_PREFIX:
        render = f"echo {shell_word(f'name: {name}')} | {render} --values -"
    inside = f" --namespace {shell_word(home)}" if home else ""
    return f"{render} | kubectl apply{inside} --filename -"


def _storage(workload: Workload, init: Object, proxy: Object) -> Iterator[Finding]:
    limit = at(init, "resources", "limits", _EPHEMERAL)
    if limit and not at(proxy, "resources", "limits", _EPHEMERAL):
        yield Finding(
            workload.qualified_name,
            "error",
            "ephemeral-storage",
            f"the init container is limited to {limit} of {_EPHEMERAL}, the proxy has no limit",
            "the kubelet holds the whole pod, with the proxy's logs and caches, to that limit, and "
            "evicts it",
            f"take limits.{_EPHEMERAL} out of the init container's resources (initResources), or "
            "give the proxy one",
        )


def _hidden(workload: Workload, proxy: Object, modules: list[str]) -> Iterator[Finding]:
    for mount in items(proxy, "volumeMounts"):
        place = str(mount.get("mountPath", "")).rstrip("/")
        if mount.get("name") == OUTPUT_VOLUME or not modules:
            continue
        hidden = [path for path in modules if path == place or path.startswith(f"{place}/")]
        if hidden:
            yield Finding(
                workload.qualified_name,
                "error" if len(hidden) == len(modules) else "warning",
                "module-hidden",
                f"the volume {mount.get('name')} is mounted at {place or '/'}, over or above "
                f"{hidden[0]}",
                "it hides what the image has there, LiteLLM itself included",
                "mount only the file that is meant: "
                f"mountPath: {yaml_word(f'{place}/config.yaml')}, "
                "subPath: config.yaml",
            )
