"""Run a rendered init container: write its files as the kubelet would, and start its command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Json = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """How the init container ended.

    `report` is the termination message; `written` is the file that it wrote, or None.
    """

    exit_code: int
    report: Json
    written: bytes | None
    stderr: str


def run(pod: Json, config_maps: Iterable[Json], folder: Path) -> Ended:
    """Run the one init container of a pod spec in an empty folder; return how it ended."""
    lay_out(pod, config_maps, folder / "payload")
    (container,) = pod["initContainers"]
    environ = {item["name"]: item["value"] for item in container["env"]}
    output, message = folder / "output", folder / "termination-log"
    output.mkdir()
    environ["LITELLM_OVERLAY_PLAN"] = (
        environ["LITELLM_OVERLAY_PLAN"]
        .replace("/litellm-overlay/output", str(output))
        .replace("/dev/termination-log", str(message))
    )
    assert container["command"][0] == "python3"
    payload = str(folder / "payload")
    command = [each.replace("/litellm-overlay/payload", payload) for each in container["command"]]
    done = subprocess.run(
        [sys.executable, *command[1:]],
        cwd=folder / "payload",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    file = output / "endpoints.py"
    written = file.read_bytes() if file.exists() else None
    return Ended(done.returncode, json.loads(message.read_text()), written, done.stderr)


def lay_out(pod: Json, config_maps: Iterable[Json], folder: Path) -> None:
    """Write the keys of the mounted ConfigMap to the paths of its volume, as the kubelet does."""
    mounted = pod["initContainers"][0]["volumeMounts"][0]["name"]
    volume = next(item for item in pod["volumes"] if item["name"] == mounted)
    source = volume["configMap"]
    data = next(item["data"] for item in config_maps if item["metadata"]["name"] == source["name"])
    for item in source["items"]:
        target = folder / item["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(data[item["key"]])
    assert len(source["items"]) == len(data)
