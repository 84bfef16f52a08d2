"""Plan the overlay of a proxy: everything that the templates need. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_overlay.catalogue import assessment, releases
from litellm_overlay.catalogue.assessment import Assessment
from litellm_overlay.errors import NotInCatalogueError, OverlayError, ValuesError
from litellm_overlay.names import (
    DIGEST_ANNOTATION,
    DRAIN_FILE,
    OUTPUT_PATH,
    VERSION_ANNOTATION,
)
from litellm_overlay.objects.workloads import Proxy
from litellm_overlay.overlay.payload import payloads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.overlay.payload import Payload
    from litellm_overlay.overlay.values import OverlayValues

# The init container runs as the proxy's user, but with fewer rights.
_IDENTITY = (
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "seLinuxOptions",
    "appArmorProfile",
    "seccompProfile",
)
_INTERPRETER = ("PATH", "PYTHONPATH")
HARMLESS = "A wrong path does no harm: the init container refuses it, and names the right one"


@dataclass(frozen=True, slots=True)
class OverlayPlan:
    """The overlay of one proxy container.

    `litellm` assesses the proxy's image. `guard_plan` is the JSON that `endpoint_patch` reads.
    """

    proxy: Proxy
    litellm: Assessment
    module_path: str
    on_fixed: str
    payload: Payload
    guard_plan: str
    env: tuple[Mapping[str, Any], ...]
    security_context: Mapping[str, Any]
    resources: Mapping[str, Any]
    annotations: Mapping[str, str]
    drain_seconds: int = 0  # 0: no drain
    drain_file: str = DRAIN_FILE

    @property
    def is_patched(self) -> bool:
        """Say whether the guard will patch the release that is assessed for the image."""
        return self.litellm.state in assessment.patched_states(self.on_fixed)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans each proxy that one set of values is for.

    `payloads` has those of all patch versions, oldest first. `values` include those of a lock.
    """

    values: OverlayValues
    catalogue: Catalogue
    payloads: tuple[Payload, ...]

    @classmethod
    def from_values(cls, values: OverlayValues) -> Planner:
        """Return a planner with the catalogue and the payloads of this package."""
        catalogue = releases.load()
        return cls(values, catalogue, payloads(values.name, catalogue))

    @property
    def payload(self) -> Payload:
        """Return the payload of the patch version in the values, else of the catalogue's default.

        Raises NotInCatalogueError for an unknown version.
        """
        return self._of(self.values.patch_version or self.catalogue.default_patch_version)

    @property
    def rendered(self) -> tuple[Payload, ...]:
        """Return the payloads to render: the newest, the pinned one and those of `keep_versions`.

        Pod templates from before an upgrade need the older ones.
        """
        named = {self.payload.version, *(self._of(it).version for it in self.values.keep_versions)}
        newest = self.payloads[-self.values.keep_newest :]
        return tuple(it for it in self.payloads if it in newest or it.version in named)

    def _of(self, version: str) -> Payload:
        payload = next((item for item in self.payloads if item.version == version), None)
        if payload is None:
            versions = ", ".join(item.version for item in self.payloads)
            raise NotInCatalogueError(f"there is no patch version {version}", f"known: {versions}")
        return payload

    def plan(self, proxy: Proxy) -> OverlayPlan:
        """Return the plan of a proxy. Raises OverlayError if something is missing for it."""
        chosen = self.payload
        litellm = self.identify(proxy.image)
        path = self._module_path(proxy.image, litellm)
        self._require_bridge(chosen.version)
        guard_plan = {
            "patchVersion": chosen.version,
            "modulePath": path,
            "outputPath": f"{OUTPUT_PATH}/endpoints.py",
            "terminationMessagePath": "/dev/termination-log",
            "onFixed": self.values.on_fixed or "passthrough",
            "onUnknown": self.values.on_unknown,
            # A payload is frozen; malware that became known later is passed to it here.
            "compromised": [each.version for each in self.catalogue.in_state("malicious")],
            "settings": self._settings(),
        }
        if self.values.expected_sha256:
            guard_plan["expectedSha256"] = self.values.expected_sha256
        return OverlayPlan(
            proxy=proxy,
            litellm=litellm,
            module_path=path,
            on_fixed=self.values.on_fixed or "passthrough",
            payload=chosen,
            # Sorted and compact, as Helm's toJson writes it.
            guard_plan=json.dumps(guard_plan, sort_keys=True, separators=(",", ":")),
            env=tuple(item for item in proxy.env if item.get("name") in _INTERPRETER),
            security_context=_confined(proxy.security_context),
            resources=self.values.init_resources,
            annotations={VERSION_ANNOTATION: chosen.version, DIGEST_ANNOTATION: chosen.digest},
            drain_seconds=self.values.drain_seconds or 0,
            drain_file=self.values.settings.get("drainFile") or DRAIN_FILE,
        )

    def _settings(self) -> dict[str, Any]:
        """Return the patch's settings, with the flag file if there is a drain."""
        settings = dict(self.values.settings)
        if self.values.drain_seconds:
            settings["drainFile"] = settings.get("drainFile") or DRAIN_FILE
        return settings

    def _require_bridge(self, version: str) -> None:
        line = self.catalogue.patch_versions[version].line
        if self.values.on_fixed == "patch" and line != "bridge":
            raise ValuesError(
                f'onFixed "patch" needs the bridge, and patch version {version} is the {line}',
                f"leave the patch version out, or set it to {self.catalogue.default_patch_version}",
            )

    def identify(self, image: str) -> Assessment:
        """Return the assessment of an image, by the release in the values, else by its reference.

        If a tag in upstream's form contradicts the values, the result is not `exact`, and the guard
        decides. Malware in the reference counts first. Raises ValuesError for an invalid reference.
        Raises NotInCatalogueError for an unknown release, unless only a module path is given.
        """
        if malware := assessment.find_malware(self.catalogue, image):
            return malware
        named = self.values.litellm_version
        try:
            assessed = assessment.assess(named or image, self.catalogue)
        except ValueError as error:
            raise ValuesError(
                str(error), "an image looks like ghcr.io/berriai/litellm:v1.88.6"
            ) from error
        except NotInCatalogueError:
            if self.values.module_path and not named:
                return Assessment(image, None, exact=False, why="not in the catalogue")
            raise
        if not named or not assessed.release or assessed.state == "malicious":
            return assessed
        doubt = assessment.contradiction(image, assessed.release)
        return replace(assessed, exact=not doubt, why=doubt)

    def _module_path(self, image: str, assessed: Assessment) -> str:
        """Return the path where the proxy mounts the file. The guard refuses a wrong path.

        Raises OverlayError if the release cannot be patched or the path is not known.
        """
        name = f"LiteLLM {assessed.release.version}" if assessed.release else image
        if assessed.state == "malicious":
            raise OverlayError(
                f"{name} is malware; never run it",
                "choose another release: litellm-overlay releases",
            )
        if assessed.state == "no-endpoint":
            raise OverlayError(
                f"{name} has no Responses WebSocket endpoint; there is nothing to patch",
                "leave the overlay out for this image",
            )
        if self.values.module_path:
            return self.values.module_path
        if assessed.release is None:
            raise ValuesError(
                f"the image {image} does not tell which LiteLLM is inside: {assessed.why}",
                "say the release: --litellm VERSION (litellmVersion). A pod of that image tells "
                "it: kubectl exec POD --container NAME -- litellm --version. From pods that carry "
                "the overlay inject --litellm auto takes it; litellm-overlay pin --from-cluster "
                "--exec asks a pod without it. For a build of your own give the path of its "
                "endpoints.py: --module-path PATH (modulePath), mostly "
                f"{self.catalogue.paths_of(self.catalogue.newest_affected)[0].path}. {HARMLESS}",
            )
        paths = [item.path for item in self.catalogue.paths_of(assessed.release.version)]
        if len(paths) != 1:
            raise ValuesError(
                f"images of {name} exist in {len(paths)} layouts, and the tag does not say which",
                f"give the path of its endpoints.py: --module-path PATH (modulePath), which is "
                f"{' or '.join(paths)}. A pod of that image tells which one is there: kubectl exec "
                f"POD --container NAME -- ls {' '.join(paths)}. {HARMLESS}",
            )
        return paths[0]


def from_values(values: OverlayValues) -> Proxy:
    """Return the proxy container that the values describe. Raises ValuesError without an image."""
    if not values.image:
        raise ValuesError(
            "the proxy's image is not known", "set image.repository and image.tag, or --image"
        )
    return Proxy(
        container=values.container or "litellm",
        image=values.image,
        pull_policy=values.image_pull_policy,
        env=values.env,
        security_context=values.security_context,
        pod_security_context=values.pod_security_context,
    )


def _confined(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the init container's security context: the proxy's identity, and no privileges.

    It follows Pod Security "restricted" as far as the proxy does. It adds no user, which could
    contradict the proxy's. It adds no seccomp profile, which an SCC of OpenShift without
    seccompProfiles forbids; that of the pod applies anyway. The guard needs no capabilities.
    """
    context: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    context |= {key: own[key] for key in _IDENTITY if own.get(key) is not None}
    return dict(sorted(context.items()))
