"""Keep patch versions what the catalogue says they are; a released one never changes.

    scripts/freeze_version.py                   write the digests of versions that are not released
    scripts/freeze_version.py --check           compare all, write nothing; `make payloads`
    scripts/freeze_version.py --release 0.1.0   release them: copy each to patch/payloads, and note
                                                in the catalogue which release of the toolkit it was

What was released is compared: with its digest, with git's first commit of it, with the folder in
`endpoint_patch` that it came from, where that is still there; and its pods, as templates render
them now, with those that they rendered then. In a checkout without git, or without all of its
history, git is left out, and that is said.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "patch"), str(ROOT / "scripts")]

from catalogue_files import CATALOGUE, write  # noqa: E402 - found by the line above
from litellm_overlay.catalogue import patch_files  # noqa: E402
from litellm_overlay.errors import NotInCatalogueError  # noqa: E402
from litellm_overlay.overlay import plan, templates  # noqa: E402
from litellm_overlay.overlay.values import OverlayValues  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYLOADS = "patch/payloads"
POD = "pod.yaml"
PROOF = f"manifests/{patch_files.PROOF}"
TABLE = f"{patch_files.PACKAGE}/stock_files.json"


def main() -> int:
    """Write, release or compare; return 1 if there is an error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="compare, write nothing")
    choice.add_argument("--release", metavar="VERSION", help="of the toolkit")
    options = parser.parse_args()
    catalogue = json.loads(CATALOGUE.read_text("utf-8"))
    versions = catalogue["patch_versions"]
    if options.check:
        wrong = [*differences(versions), *changed_since_release(versions)]
        for sentence in wrong:
            print(f"error: {sentence}", file=sys.stderr)
        if wrong:
            print(f"hint: {HINT}", file=sys.stderr)
        return 1 if wrong else 0
    if options.release and (change := unreleased_change(versions)):
        print(f"error: {change[0]}\nhint: {change[1]}", file=sys.stderr)
        return 1
    for version in not_released(versions):
        digest = patch_files.digest(version)
        if versions[version]["digest"] != digest:
            print(f"{version}: digest {digest}")
        versions[version]["digest"] = digest
        if options.release:
            freeze(version)
            versions[version]["released_in"] = options.release
    write(CATALOGUE, catalogue)
    return 0


HINT = (
    "not released: `scripts/freeze_version.py && make generate`; released: take the change back,"
    " and fix it in a new version, `scripts/begin_version.py`"
)


def not_released(versions: dict[str, Any]) -> list[str]:
    """Return the versions that may still change."""
    return [version for version, entry in versions.items() if not entry.get("released_in")]


def freeze(version: str) -> None:
    """Copy a version's files, proof and rendered pod to patch/payloads."""
    for path, content in patch_files.current_files(version).items():
        target = ROOT / PAYLOADS / version / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (ROOT / PAYLOADS / version / patch_files.PROOF).write_bytes((ROOT / PROOF).read_bytes())
    (ROOT / PAYLOADS / version / POD).write_text(pod(version), "utf-8")
    print(f"{version}: released, {PAYLOADS}/{version}")


def differences(versions: dict[str, Any]) -> Iterator[str]:
    """Yield sentences on how catalogue, released files and `endpoint_patch` differ."""
    claimed = {version for version in versions if versions[version].get("released_in")}
    for version in sorted(claimed ^ set(patch_files.released())):
        states = ("is", "has no folder") if version in claimed else ("is not", "has a folder")
        yield f"patch {version} {states[0]} released, as the catalogue says, but {states[1]}"
    for version, entry in versions.items():
        try:
            digest = patch_files.digest(version)
        except NotInCatalogueError as error:
            yield f"patch {version}: {error}"
            continue
        if digest != entry["digest"]:
            yield f"patch {version} has the digest {digest}, the catalogue says {entry['digest']}"
    for version in sorted({*patch_files.released()} & {*versions}):
        then = patch_files.released_folder() / version / POD
        if not then.is_file() or pod(version) != then.read_text("utf-8"):
            yield f"pods of patch {version} are rendered otherwise than when it was released"
        if _own(version, current=True) not in ({}, _own(version, current=False)):
            yield f"{patch_files.folder(version)} is not what was released as patch {version}"


def pod(version: str) -> str:
    """Return what is rendered into a pod, as a patch for a Deployment.

    The list of malicious releases is emptied, since it may grow after the version's release. Pods
    of a released version must get the longer list, too.
    """
    values = OverlayValues(
        image="ghcr.io/berriai/litellm:v1.88.6",
        module_path="/litellm/proxy/response_api_endpoints/endpoints.py",
        patch_version=version,
    )
    made = plan.Planner.from_values(values).plan(plan.from_values(values))
    text = templates.render("patch.yaml.j2", plan=made, workload="litellm")
    return re.sub(r'("compromised":)\[[^]]*\]', r"\1[]", text)


def _own(version: str, *, current: bool) -> dict[str, bytes]:
    """Return path -> content of a version's own folder, {} if that no longer exists."""
    try:
        files = (patch_files.current_files if current else patch_files.files)(version)
    except NotInCatalogueError:
        return {}
    own = patch_files.folder(version)
    return {path: content for path, content in files.items() if path.startswith(own)}


def unreleased_change(versions: dict[str, Any]) -> tuple[str, str] | None:
    """Return an error and a hint if the guard changed, and all versions are released; else None.

    The table of known files may change alone: a released guard identifies later files by their
    handler, or by their shape.
    """
    released = patch_files.released()
    if not released or not_released(versions):
        return None
    newest = released[-1]
    guards = [
        {
            path: content
            for path, content in files.items()
            if not path.startswith(patch_files.folder(newest)) and path != TABLE
        }
        for files in (
            {**patch_files.files(newest), PROOF: patch_files.proof(newest).encode()},
            {**_guard(), PROOF: (ROOT / PROOF).read_bytes()},
        )
    ]
    if guards[0] == guards[1]:
        return None
    changed = sorted(
        path for path in {**guards[0], **guards[1]} if guards[0].get(path) != guards[1].get(path)
    )
    *numbers, last = patch_files.version_key(newest)
    following = ".".join(map(str, [*numbers, last + 1]))
    return (
        f"no patch version carries what changed in the guard since {newest}: {', '.join(changed)}",
        f"begin one: scripts/begin_version.py {following} --after {newest}",
    )


def _guard() -> dict[str, bytes]:
    """Return the shared files of `endpoint_patch` as they are now."""
    package = ROOT / "patch" / patch_files.PACKAGE
    return {
        path.relative_to(package.parent).as_posix(): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and path.relative_to(package).parts[:-1] in ((), ("versions",))
    }


def changed_since_release(versions: dict[str, Any]) -> Iterator[str]:
    """Yield sentences on how released versions differ from the commits that released them."""
    try:
        shallow = git("rev-parse", "--is-shallow-repository").strip() == "true"
        top = Path(git("rev-parse", "--show-toplevel").strip()).resolve()
    except (OSError, subprocess.CalledProcessError):
        shallow, top = True, ROOT.resolve()
    if shallow or top != ROOT.resolve():
        if patch_files.released():
            print("note: no git, or not all of its history: compared by digest alone")
        return
    for version, commit in first_commits().items():
        catalogue = git("show", f"{commit}:{CATALOGUE.relative_to(ROOT).as_posix()}")
        then = json.loads(catalogue)["patch_versions"].get(version, {}).get("digest")
        if version not in patch_files.released():
            yield f"patch {version} was released in commit {commit[:12]}, and is gone"
        elif patch_files.digest(version) != then or git(
            "diff", "--name-only", commit, "--", f"{PAYLOADS}/{version}"
        ):
            yield f"patch {version} is not what was released in commit {commit[:12]}"
        elif versions.get(version, {}).get("digest") != then:
            yield f"the catalogue's digest of {version} is not that of commit {commit[:12]}"


def first_commits() -> dict[str, str]:
    """Return released version -> the oldest ancestor of HEAD that added its folder."""
    log = git("log", "--diff-filter=A", "--no-renames", "--name-only", "--format=commit %H",
              "--", PAYLOADS)  # fmt: skip
    first: dict[str, str] = {}
    commit = ""
    for line in log.splitlines():  # newest first, so that the oldest wins
        if line.startswith("commit "):
            commit = line.removeprefix("commit ")
        elif line.count("/") > PAYLOADS.count("/") + 1:
            first[line.split("/")[2]] = commit
    return first


def git(*arguments: str) -> str:
    """Return git's stdout for this checkout; CalledProcessError if it fails."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
