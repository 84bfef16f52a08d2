"""Pod Security "restricted", as the Kubernetes documentation lists it, for rendered pods."""

from __future__ import annotations

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def violations(pod):
    """Return violations as "container: rule" or "pod: rule"; [] for a pod that is admitted."""
    results = [
        f"pod: {key}" for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if pod.get(key)
    ]
    for volume in pod.get("volumes", []):
        results += [f"pod: volume {kind}" for kind in set(volume) - {"name"} - _VOLUMES]
    shared = pod.get("securityContext") or {}
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = container.get("securityContext") or {}
        effective = {**shared, **own}
        seccomp = (effective.get("seccompProfile") or {}).get("type")
        capabilities = own.get("capabilities") or {}
        checks = {
            "privileged": not own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": "ALL" in capabilities.get("drop", [])
            and set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
            "runAsNonRoot": effective.get("runAsNonRoot") is True,
            "runAsRoot": effective.get("runAsUser") != 0,
            "seccompProfile": seccomp in ("RuntimeDefault", "Localhost"),
            "hostPort": not any("hostPort" in port for port in container.get("ports", [])),
        }
        results += [f"{container['name']}: {what}" for what, good in checks.items() if not good]
    return results
