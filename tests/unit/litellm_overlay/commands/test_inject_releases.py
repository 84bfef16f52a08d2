"""`inject` and releases: a tag counts before options, malware is refused, none is guessed."""

from __future__ import annotations

import re

import pytest

from support.fleet_manifests import FLEET, OFFICIAL, patched, workload


@pytest.mark.parametrize("tag", ["v1.81.0", "v1.80.5-stable", "main-v1.79.1-stable"])
def test_one_that_needs_none_does_not_stop_the_others(cli, tag):
    """A workload that needs no patch is named and left alone; others are patched."""
    other = workload("legacy", f"{OFFICIAL}:{tag}")
    done = cli("inject", stdin=f"{other}---\n{FLEET['Deployment/plain']}")
    assert done.code == 0
    assert set(patched(done.out)) == {"Deployment/plain"}
    assert re.search(
        r"^Deployment/legacy: left alone: LiteLLM 1\.\S+ has no Responses", done.err, re.MULTILINE
    )


@pytest.mark.parametrize(
    "option", [[], ["--litellm", "1.86.2"], ["--module-path", "/x/endpoints.py"]]
)
@pytest.mark.parametrize(
    "tag", ["v1.82.7", "main-v1.82.8-stable", "v1.107.0", "v1.82.7-acme-1.86.2"]
)
def test_no_option_hides_malware(cli, tag, option):
    """No option hides malware, and then no workload is written."""
    stream = f"{FLEET['Deployment/plain']}---\n{workload('bad', f'{OFFICIAL}:{tag}')}"
    done = cli("inject", *option, stdin=stream)
    assert (done.code, done.out) == (1, "")
    assert "Deployment/bad" in done.err
    assert "is malware" in done.err


@pytest.mark.parametrize("tag", ["v1.83.3-stable", "main-v1.82.1-stable", "v1.82.6"])
def test_a_tag_counts_before_the_option(cli, tag):
    """A tag counts before `--litellm`, which is for images without one; this is reported."""
    stream = (
        f"{workload('old', f'{OFFICIAL}:{tag}')}---\n{workload('new', f'{OFFICIAL}:main-stable')}"
    )
    done = cli("inject", "--litellm", "1.86.2", stdin=stream)
    assert done.code == 0, done.err
    result = patched(done.out)
    assert result["Deployment/old"]["app"].startswith("/usr/lib/")
    assert result["Deployment/new"]["app"].startswith("/app/.venv/")
    assert f"warning: Deployment/old: its image, {OFFICIAL}:{tag}, says LiteLLM 1." in done.err


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--litellm", "1.86.2"], ["Deployment/a", "Deployment/b"]),
        (["--module-path", "/usr/lib/python3.13/x/endpoints.py"], ["Deployment/c", "Deployment/d"]),
    ],
)
def test_an_option_that_cannot_mean_all_is_refused(cli, options, names):
    """An option that does not fit all workloads is refused, with their names."""
    tags = {"a": "main-stable", "b": "latest", "c": "v1.82.3", "d": "v1.88.6"}
    if "--module-path" in options:
        options[1] = (
            "/usr/lib/python3.13/site-packages/litellm/proxy/response_api_endpoints/endpoints.py"
        )
        tags = {"c": "v1.83.3", "d": "v1.88.6"}
        names = names[1:]
    stream = "---\n".join(workload(name, f"{OFFICIAL}:{tag}") for name, tag in tags.items())
    done = cli("inject", *options, stdin=stream)
    assert (done.code, done.out) == (2, "")
    assert f"{' '.join(options)}: it cannot be meant for all of these at once" in done.err
    assert all(name in done.err for name in names)
