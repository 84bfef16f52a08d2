"""Docker commands, with the engine that runs, or with Debian's on a machine that allows it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kind.steps import HERE, pipe, run
from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from collections.abc import Iterator

CAP_SYS_RESOURCE = 24  # linux/capability.h
START_SECONDS = 60


@contextlib.contextmanager
def engine(log: Path, *, may_install: bool, keep: bool) -> Iterator[None]:
    """Make Docker available until the block ends, by installing and starting it if allowed.

    An engine that was started here is stopped, unless `keep`. Raises OverlayError if there is none.
    """
    if answers():
        yield
        return
    if not (may_install and os.geteuid() == 0 and shutil.which("apt-get")):
        raise OverlayError(
            "Docker is needed and does not answer",
            hint="install and start it (https://docs.docker.com/engine/install), see that "
            "`docker info` works; or as root on Debian: make kind-e2e IMAGES=build",
        )
    if not shutil.which("dockerd"):
        run("apt-get", "update", "-qq")
        install("docker.io", "iptables")
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            ["dockerd", *runtime()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only us: the cluster goes before Docker
        )
    try:
        began = time.monotonic()
        while not answers():
            if daemon.poll() is not None or time.monotonic() - began > START_SECONDS:
                last_lines = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
                raise OverlayError(f"dockerd did not start:\n{last_lines}")
            time.sleep(0.3)
        yield
    finally:
        if not keep:
            daemon.terminate()
            daemon.wait()


def answers() -> bool:
    """Tell whether a Docker engine can be reached."""
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def install(*packages: str) -> None:
    """Install Debian packages."""
    options = ["install", "-y", "-qq", "--no-install-recommends"]
    run("apt-get", *options, *packages, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def runtime() -> list[str]:
    """Return dockerd's extra options for a machine where even root lacks CAP_SYS_RESOURCE.

    There kind's `--privileged`, which asks for every capability, would be refused.
    """
    if may_raise_limits():
        return []
    return ["--add-runtime", f"less={HERE / 'runc-less'}", "--default-runtime", "less"]


def may_raise_limits() -> bool:
    """Tell whether processes of this machine can have CAP_SYS_RESOURCE."""
    status = Path("/proc/self/status").read_text("utf-8")
    bounding = next(line for line in status.splitlines() if line.startswith("CapBnd"))
    return bool(int(bounding.split()[1], 16) >> CAP_SYS_RESOURCE & 1)


def has(image: str) -> bool:
    """Tell whether the engine holds an image."""
    command = ["docker", "image", "inspect", image]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def id_of(image: str) -> str:
    """Return an image's id, "sha256:…" of its configuration, which containerd lists too."""
    return run("docker", "image", "inspect", "--format", "{{.Id}}", image).strip()


def pull(image: str) -> None:
    """Fetch an image from its registry."""
    run("docker", "pull", "--quiet", image)


def tag(image: str, name: str) -> None:
    """Give an image another name."""
    run("docker", "tag", image, name)


def build(tag: str, dockerfile: str, context: Path, **arguments: str) -> None:
    """Build an image from the text of a Dockerfile."""
    options = [
        item for key, value in arguments.items() for item in ("--build-arg", f"{key}={value}")
    ]
    run(
        "docker",
        "build",
        "--quiet",
        "--tag",
        tag,
        *options,
        "--file",
        "-",
        context,
        stdin=dockerfile,
    )


def debian(suite: str, packages: list[str], tag: str, scratch: Path) -> None:
    """Make an image of a minimal Debian with some packages, from Debian's own archive."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise OverlayError(
            "IMAGES=build makes images with debootstrap, which takes root on a Debian machine",
            hint="elsewhere, with container registries in reach: make kind-e2e",
        )
    if not shutil.which("debootstrap"):
        install("debootstrap")
    root = scratch / "debian"
    run("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, root)
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    pipe(["tar", "-C", root, "-c", "."], ["docker", "import", "-", tag])
    shutil.rmtree(root)
