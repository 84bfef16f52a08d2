"""Run the checks that could not run where this was written; see docs/not-run-here.md.

    python scripts/acceptance.py [CHECK …]        checks: image, chart, openai, azure, vllm

A check without its variables is reported as "not run", with their names. Exit code 0: all checks
that ran passed; 1: a check failed; 2: no check could run. Provider checks make a few paid turns.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_overlay.catalogue import releases
from litellm_overlay.errors import OverlayError
from litellm_overlay.local import environment, patching, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATCH = "2.0.0"
MODEL = "model-behind-the-bridge"
OVERLAY = str(Path(sys.executable).with_name("litellm-overlay"))
ENVIRON = os.environ


class FailedError(Exception):
    """A check failed; the text is the reason, with the last lines of a program that failed."""


def run(*command: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a program and return its stdout; FailedError if it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**ENVIRON, **(environ or {})}
    )
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-12:]
        raise FailedError(
            f"`{command[0]} {command[1]}` exited with {done.returncode}\n" + "\n".join(lines)
        )
    return done.stdout


def image() -> None:
    """Print what `diff` decides on the endpoints.py of an official image."""
    name = ENVIRON["LITELLM_IMAGE"]
    find = "import litellm.proxy.response_api_endpoints.endpoints as e; print(e.__file__)"
    inside = ("docker", "run", "--rm", "--entrypoint", "sh", name, "-c")
    path = run(*inside, f'python3 -c "{find}"').split()[-1]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "endpoints.py"
        file.write_text(run(*inside, f"cat {path}"))
        print(run(OVERLAY, "diff", str(file), "--stat"), end="")


def chart() -> None:
    """Render one of LiteLLM's charts with the overlay's values; FailedError if they do nothing."""
    name = ENVIRON["LITELLM_CHART"]
    form = "litellm-helm-values" if "helm" in name else "litellm-chart-values"
    with tempfile.TemporaryDirectory() as folder:
        run("helm", "pull", name, "--destination", folder)
        (archive,) = Path(folder).glob("*.tgz")
        values = Path(folder) / "overlay.yaml"
        values.write_text(run(OVERLAY, "render", "--format", form, "--chart", str(archive)))
        rendered = run("helm", "template", "litellm", str(archive), "--values", str(values))
    if "litellm-overlay" not in rendered:
        raise FailedError("the chart renders no overlay from these values")


def provider(**parameters: str) -> None:
    """Probe a provider through a patched proxy on this machine, as Codex would use it."""
    release = ENVIRON.get("LITELLM_RELEASE") or releases.load().newest_affected
    env = environment.create(release, name=f"patched-{PATCH}")
    patching.apply(env, PATCH)
    config = {
        "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
        "general_settings": {"master_key": processes.MASTER_KEY},
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        processes.start_proxy(env, config, Path(folder) / "proxy.log", environ=ENVIRON) as proxy,
    ):
        key = {"OPENAI_API_KEY": processes.MASTER_KEY}
        print(run(OVERLAY, "probe", proxy.url, "--model", MODEL, environ=key), end="")


def openai() -> None:
    """Probe OpenAI."""
    provider(model=f"openai/{ENVIRON['OPENAI_MODEL']}", api_key="os.environ/OPENAI_API_KEY")


def azure() -> None:
    """Probe Azure OpenAI."""
    provider(
        model=f"azure/{ENVIRON['AZURE_DEPLOYMENT']}",
        api_key="os.environ/AZURE_API_KEY",
        api_base="os.environ/AZURE_API_BASE",
        api_version=ENVIRON.get("AZURE_API_VERSION", "preview"),
    )


def vllm() -> None:
    """Probe a vLLM server."""
    provider(
        model=f"hosted_vllm/{ENVIRON['VLLM_MODEL']}",
        api_base=ENVIRON["VLLM_API_BASE"],
        api_key=ENVIRON.get("VLLM_API_KEY", "none"),
    )


@dataclass(frozen=True)
class Check:
    """A check, and the environment variables that it needs."""

    run: Callable[[], None]
    wants: tuple[str, ...]


CHECKS = {
    "image": Check(image, ("LITELLM_IMAGE",)),
    "chart": Check(chart, ("LITELLM_CHART",)),
    "openai": Check(openai, ("OPENAI_API_KEY", "OPENAI_MODEL")),
    "azure": Check(azure, ("AZURE_API_KEY", "AZURE_API_BASE", "AZURE_DEPLOYMENT")),
    "vllm": Check(vllm, ("VLLM_API_BASE", "VLLM_MODEL")),
}


def main() -> int:
    """Run the checks that can be run; return the exit code."""
    parser = argparse.ArgumentParser(description="Try what could not be had here.")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    chosen = parser.parse_args().checks or list(CHECKS)
    if unknown := set(chosen) - CHECKS.keys():
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    outcomes = {}
    for name in chosen:
        check = CHECKS[name]
        if missing := [want for want in check.wants if not ENVIRON.get(want)]:
            outcomes[name] = f"not run: set {', '.join(missing)}"
            continue
        print(f"--- {name}", flush=True)
        try:
            check.run()
            outcomes[name] = "ok"
        except (FailedError, OverlayError, OSError) as error:
            outcomes[name] = f"FAILED: {error}"
    for name, outcome in outcomes.items():
        print(f"{name:8}{outcome}")
    if any(outcome.startswith("FAILED") for outcome in outcomes.values()):
        return 1
    return 0 if "ok" in outcomes.values() else 2


if __name__ == "__main__":
    sys.exit(main())
