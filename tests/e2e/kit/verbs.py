"""The verbs on the stories' cluster, as an operator runs them: processes, kubeconfigs, accounts."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.kit.stories import Json, Namespace

# The arguments of each verb that reads a cluster.
VERBS = {
    "status": ("status",),
    "verify": ("verify", "--key-env", "STORY_KEY"),
    "doctor": ("doctor", "--from-cluster"),
}


@dataclass(frozen=True)
class Done:
    """A finished verb: exit code, stdout and stderr."""

    code: int
    out: str
    err: str


def overlay(*arguments: object, stdin: str | None = None, **environ: str) -> Done:
    """Run `litellm-overlay`; return its result, and fail on a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "litellm_overlay", *map(str, arguments)],
        env={**os.environ, **environ},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def kubeconfig(
    namespace: Namespace, file: Path, *, user: Json | None = None, server: str | None = None
) -> Path:
    """Write a kubeconfig for the story's namespace, if need be with another user or server."""
    config = yaml.safe_load(namespace.world.cluster.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = namespace.name
    if user:
        config["users"][0]["user"] = user
    if server:
        config["clusters"][0]["cluster"]["server"] = server
    file.write_text(yaml.safe_dump(config))
    return file


def token(namespace: Namespace, account: str) -> str:
    """Return a token of a ServiceAccount."""
    return namespace.kubectl("create", "token", account).strip()


def rights(namespace: Namespace, verb: str, *arguments: str) -> list[Json]:
    """Return the objects that a verb prints with --rbac for a story's namespace."""
    printed = overlay(verb, "--rbac", "-n", namespace.name, *arguments)
    assert (printed.code, printed.err) == (0, "")
    return list(yaml.safe_load_all(printed.out))


def kubeconfig_of_rights(namespace: Namespace, file: Path, objects: list[Json]) -> Path:
    """Apply RBAC objects; write a kubeconfig that uses only their ServiceAccount.

    ClusterRoles outlive the namespace; `forget` deletes them.
    """
    namespace.apply(*objects)
    account = next(item for item in objects if item["kind"] == "ServiceAccount")
    user = {"token": token(namespace, account["metadata"]["name"])}
    return kubeconfig(namespace, file, user=user)


def forget(namespace: Namespace, objects: list[Json]) -> None:
    """Delete RBAC objects."""
    text = yaml.safe_dump_all(objects)
    namespace.kubectl("delete", "--ignore-not-found", "--filename", "-", stdin=text)
