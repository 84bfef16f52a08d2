"""The LiteLLM images that go into the cluster: the official ones, or stand-ins from the wheels.

A stand-in has the published wheel, with its dependencies as of the release's date, where the
official image of that release has them. The rest is Debian's.
"""

from __future__ import annotations

import datetime as dt
import platform
import shutil
import tempfile
from pathlib import Path

from kind import docker
from kind.steps import HERE, fingerprint
from litellm_overlay.catalogue import image_tags, releases
from litellm_overlay.errors import OverlayError
from litellm_overlay.local import environment
from litellm_overlay.local.environment import GRACE, installable_release, uv
from pins import PINS

# Debian's release with the Python that the official images have.
SUITE, PYTHON, PACKAGES = "trixie", "3.13", ["python3", "ca-certificates"]
LAYOUTS = {"/usr/lib": "system.Dockerfile", "/app/.venv": "venv.Dockerfile"}
MACHINES = {"x86_64": "x86_64-manylinux_2_28", "aarch64": "aarch64-manylinux_2_28"}


def image(name: str, source: str) -> str:
    """Return the reference of an image, which Docker has afterwards.

    `name` is one of `litellm-images` in the pins, or "changed": that of "venv" with a module that
    nobody knows. `source` is "pull" or "build".
    """
    if name == "changed":
        return changed(image("venv", source))
    official: str = PINS["litellm-images"][name]
    if source == "build":
        return stand_in(official)
    if not docker.has(official):
        docker.pull(official)
    return official


def module_in(reference: str) -> str:
    """Return where the module lies in an image, by its tag."""
    return releases.load().paths_of(release_in(reference))[0].path


def release_in(reference: str) -> str:
    """Return the LiteLLM release that an image's tag names."""
    release = image_tags.read_release(image_tags.parse_image(reference)).release
    assert release, reference
    return release


def changed(original: str) -> str:
    """Return an image whose module somebody has edited."""
    tag = f"stand-in/litellm:{original.rpartition(':')[2]}-changed"
    with tempfile.TemporaryDirectory() as empty:
        arguments = {"IMAGE": original, "MODULE": module_in(original)}
        docker.build(tag, (HERE / "changed.Dockerfile").read_text(), Path(empty), **arguments)
    return tag


def stand_in(official: str) -> str:
    """Return the image that stands for an official one, built first if Docker has it not."""
    release, module = release_in(official), module_in(official)
    recipe = HERE / next(file for root, file in LAYOUTS.items() if module.startswith(root))
    extras = PINS["litellm-extras"]
    mark = fingerprint(recipe, extras, SUITE, PACKAGES, HERE / "litellm.py")
    built = f"litellm-overlay/litellm:{release}-{mark}"
    if not docker.has(built):
        with tempfile.TemporaryDirectory() as scratch:
            python = f"litellm-overlay/debian:{SUITE}-{fingerprint(PACKAGES)}"
            if not docker.has(python):
                docker.debian(SUITE, PACKAGES, python, Path(scratch))
            context = Path(scratch) / "litellm"
            unpack(release, extras, context)
            docker.build(built, recipe.read_text(), context, PYTHON=python)
    # The chart reads the release from the tag.
    tag = f"stand-in/litellm:{official.rpartition(':')[2]}"
    docker.tag(built, tag)
    return tag


def unpack(release: str, extras: list[str], context: Path) -> None:
    """Install LiteLLM's wheel and all it needs, for another Python than this one, into `site`."""
    cutoff = dt.date.fromisoformat(installable_release(release).uploaded) + GRACE
    machine = platform.machine()
    if machine not in MACHINES:
        raise OverlayError(f"no stand-in images for {machine}", hint="make kind-e2e IMAGES=pull")
    foreign = ["--python-version", PYTHON, "--python-platform", MACHINES[machine]]
    options = ["--target", str(context / "site"), "--only-binary", ":all:", *foreign]
    uv(
        *("pip", "install", *options, "--python", str(environment.find_python())),
        *("--exclude-newer", f"{cutoff}T00:00:00Z", f"litellm[proxy]=={release}", *extras),
    )
    (context / "site" / "bin" / "litellm").rename(context / "litellm")
    shutil.rmtree(context / "site" / "bin")
