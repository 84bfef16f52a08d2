"""A kind node image from package registries: Kubernetes from Go modules, the rest from Debian.

`kind build node-image` would fetch etcd, coredns, pause and kindnetd from a container registry. Its
steps, without those: a base image, an image a program in the node's containerd, the kubelet.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

import tools
from kind import docker
from kind.steps import HERE, fingerprint, pipe, run
from litellm_overlay.local.cache import cache_root, locked
from pins import PINS

PACKAGES = [
    *("systemd", "systemd-sysv", "dbus", "containerd", "runc", "containernetworking-plugins"),
    *("conntrack", "iptables", "nftables", "iproute2", "ethtool", "socat", "util-linux", "mount"),
    *("kmod", "libseccomp2", "e2fsprogs", "bash", "ca-certificates", "curl", "jq", "procps"),
]
# systemd 252 is the last of Debian's that boots on cgroup v1.
SUITE = "bookworm"
CONTROL_PLANE = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"]
KUBE = [*CONTROL_PLANE, "kubelet", "kubeadm", "kubectl"]
ETCD, COREDNS = "go.etcd.io/etcd/server/v3", "github.com/coredns/coredns"
NOT_SERVED = ("k8s.io/sample-cli-plugin", "k8s.io/sample-controller")  # nor needed
RECIPE = [HERE / name for name in ("node.py", "node.Dockerfile", "iptables.Dockerfile", "pause.go")]


def image() -> str:
    """Return the tag of the node image, built first if Docker has it not."""
    pins = PINS["kubernetes"]
    mark = fingerprint(pins, PINS["go-tools"]["kind"], *RECIPE)
    tag = f"litellm-overlay/kind-node:{pins['version']}-{mark}"
    if not docker.has(tag):
        programs = build_programs(pins)
        with tempfile.TemporaryDirectory() as scratch:
            base = f"litellm-overlay/kind-base:{mark}"
            build_base(base, Path(scratch))
            fill(base, tag, programs, pins["version"], Path(scratch))
    return tag


def build_programs(pins: dict[str, str]) -> Path:
    """Return the folder with every program of a node, each built if it is missing."""
    version = pins["version"]
    folder = cache_root() / "kind" / version
    with locked(folder):
        if not all((folder / name).exists() for name in KUBE):
            packages = [f"k8s.io/kubernetes/cmd/{name}@{version}" for name in KUBE]
            replaces, flags = staging(version, folder), version_flags(version)
            tools.build(packages, folder, replaces=replaces, flags=flags)
        if not (folder / "etcd").exists():
            tools.build([f"{ETCD}@{pins['etcd']}"], folder)
            (folder / "server").replace(folder / "etcd")
        if not (folder / "coredns").exists():
            tools.build([f"{COREDNS}@{pins['coredns']}"], folder)
        if not (folder / "pause").exists():
            tools.go(folder, "build", "-trimpath", "-o", "pause", str(HERE / "pause.go"))
    return folder


def staging(version: str, folder: Path) -> list[str]:
    """Return the `replace`s without which k8s.io/kubernetes asks for v0.0.0 of its own parts."""
    module_json = json.loads(
        tools.go(folder.parent, "mod", "download", "-json", f"k8s.io/kubernetes@{version}")
    )
    lines = Path(module_json["GoMod"]).read_text("utf-8")
    names = re.findall(r"^\t(k8s\.io/[a-z-]+) => \./staging", lines, re.MULTILINE)
    released = version.replace("v1.", "v0.")
    return [f"{name}={name}@{released}" for name in names if name not in NOT_SERVED]


def version_flags(version: str) -> str:
    """Return what Kubernetes' own build sets; kubeadm compares it."""
    package = "k8s.io/component-base/version"
    minor = version.split(".")[1]
    values = {"gitVersion": version, "gitMajor": "1", "gitMinor": minor, "gitTreeState": "clean"}
    return " ".join(f"-X {package}.{name}={value}" for name, value in values.items())


def build_base(tag: str, scratch: Path) -> None:
    """Build what a node is before Kubernetes; kind's own files come from its Go module."""
    debian = f"litellm-overlay/debian:{SUITE}-{fingerprint(PACKAGES)}"
    if not docker.has(debian):
        docker.debian(SUITE, PACKAGES, debian, scratch)
    context = scratch / "base"
    module = PINS["go-tools"]["kind"]
    downloaded = json.loads(tools.go(scratch, "mod", "download", "-json", module))
    shutil.copytree(
        Path(downloaded["Dir"]) / "images/base/files",
        context / "files",
        copy_function=shutil.copyfile,
    )
    for path in (context / "files").rglob("*"):
        program = path.parent.name == "bin"
        path.chmod(0o755 if path.is_dir() or program else 0o644)
    shutil.copy(HERE / "single-node.conflist", context)
    docker.build(tag, (HERE / "node.Dockerfile").read_text(), context, DEBIAN=debian)


def fill(base: str, tag: str, programs: Path, version: str, scratch: Path) -> None:
    """Put the kubelet, and the images of a cluster's own pods, into the base image."""
    empty = scratch / "empty"
    empty.mkdir()
    iptables = f"{tag}-iptables"
    docker.build(iptables, (HERE / "iptables.Dockerfile").read_text(), empty, NODE=base)
    listed = run(programs / "kubeadm", "config", "images", "list", "--kubernetes-version", version)
    names = {name.rpartition("/")[2].partition(":")[0]: name for name in listed.split()}
    config = run(
        "docker", "run", "--rm", "--entrypoint", "cat", base, "/etc/containerd/config.toml"
    )
    match = re.search(r'sandbox_image = "(.+)"', config)
    assert match, config
    names["pause"] = match[1]
    for program, name in names.items():
        parent = iptables if program == "kube-proxy" else "scratch"
        image_of(programs / program, name, parent, scratch)
    node = run("docker", "run", "--detach", "--security-opt", "seccomp=unconfined",
               "--entrypoint", "sleep", base, "infinity").strip()  # fmt: skip
    try:
        for program in ("kubelet", "kubeadm", "kubectl"):
            run("docker", "cp", programs / program, f"{node}:/usr/bin/{program}")
        inside = ("docker", "exec", node)
        run(*inside, "sh", "-c", f"mkdir -p /kind/manifests && printf {version} > /kind/version")
        run("docker", "exec", "--detach", node, "containerd")
        run(*inside, "sh", "-c", "until ctr version; do sleep 0.2; done")
        ctr = [
            "ctr",
            "--namespace",
            "k8s.io",
            "images",
            "import",
            "--all-platforms",
            "--no-unpack",
            "-",
        ]
        pipe(["docker", "save", *names.values()], ["docker", "exec", "-i", node, *ctr])
        run(
            *inside,
            "sh",
            "-c",
            "pkill -x containerd; while pgrep -x containerd; do sleep 0.1; done",
        )
        entrypoint = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'
        run("docker", "commit", "-c", entrypoint, "-c", "CMD []", node, tag)
    finally:
        run("docker", "rm", "--force", "--volumes", node)


def image_of(program: Path, tag: str, parent: str, scratch: Path) -> None:
    """Build an image that holds one program."""
    with tempfile.TemporaryDirectory(dir=scratch) as context:
        shutil.copy(program, context)
        dockerfile = f"""\
FROM {parent}
COPY {program.name} /usr/local/bin/
ENV PATH=/usr/local/bin:/usr/sbin
ENTRYPOINT ["/usr/local/bin/{program.name}"]
"""
        docker.build(tag, dockerfile, Path(context))
