"""Run a batch of inputs to one verb in this process, each within 5 s of CPU time and 300 MiB.

    python -m fuzz.child VERB FIRST LAST

Works in a temporary folder. `doing` holds the current seed, in case a limit ends the process.
Prints one line of JSON: the count of each exit code, and each fault with its seed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path

from fakes import endpoint_module
from fakes.api_server import kubeconfig
from fuzz import judge, verbs
from litellm_overlay import cli
from litellm_overlay.errors import ClusterError, OverlayError
from litellm_overlay.local import environment
from litellm_overlay.overlay import inject

SECONDS = 5
BYTES = 300 << 20


class Answer:
    """A response of an API server, as urllib3 returns it."""

    def __init__(self, status, data):
        self.status = status
        self.data = data

    def release_conn(self):
        pass


def serve(answers):
    """Make the cluster client return these answers, by plural, and refuse every call to a pod."""
    from litellm_overlay.cluster import client, tunnel  # the import takes most of a second

    def send(_cluster, path, _query, _timeout):
        plural = path.rpartition("/")[2]
        return Answer(*answers.get(plural, (200, b'{"items":[]}')))

    def refuse(*_):
        raise ClusterError("fake could not do it", "does the pod run?")

    client.Cluster._send = send
    tunnel.read_file = refuse


def run(given):
    """Run a verb; return exit code (an exception's text if it raises), stdout and stderr."""
    said = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="surrogatepass", newline="")
    told = io.StringIO()
    sys.argv = ["litellm-overlay", *given.words]
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.stdin.encode(errors="surrogatepass")))
    if given.answers is not None:
        serve(given.answers)
    with (
        verbs.laid_out(given.files),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(told),
    ):
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code
        except BaseException as error:  # noqa: BLE001 - each is what this looks for
            code = f"{type(error).__name__}: {error!s:.200}"
    said.flush()
    return code, said.buffer.getvalue().decode(errors="surrogateescape"), told.getvalue()


def faults(verb, given):
    """Return exit code and list of faults of an input."""
    code, out, err = run(given)
    data = bool({"json", "yaml"} & set(given.words))
    own_text = verb in {"inject", "inject --remove"}
    results = list(judge.faults(code, out, err, own_text=own_text, data=data))
    if verb == "inject" and code == 0 and "--dry-run" not in given.words:
        results += round_trip(given, out)
    return code, results


def round_trip(given, said):
    """Yield a fault if `inject --remove` does not restore the exact input."""
    text = given.files.get("in/a.yaml", given.stdin)
    if "litellm-overlay" in text or "ResourceList" in text:
        return  # an existing overlay is replaced, and our ConfigMaps stay in a list's items
    try:
        same = inject.remove(said) == text
    except OverlayError as error:
        yield f"--remove refuses what inject has made: {error.message}"
    else:
        if not same:
            yield "--remove does not give the original back"


def allow(seconds):
    """Set the CPU limit to this many seconds from now."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    limit = int(used) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def main():
    """Run the batch."""
    verb, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    doing = Path("doing").absolute()
    environment.stock_endpoints = lambda *_, **__: endpoint_module.STOCK
    os.environ["LITELLM_KEY"] = "sk-x"
    os.environ["KUBECONFIG"] = str(kubeconfig(Path("config").absolute(), "http://127.0.0.1:9"))
    codes, results = Counter(), []
    real = sys.stdin
    run(verbs.given(verb, 0))  # imports everything first
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for seed in range(first, last):
            doing.write_text(str(seed))
            given = verbs.given(verb, seed)
            allow(SECONDS)
            code, wrong = faults(verb, given)
            codes[str(code)] += 1
            results += [{"seed": seed, "fault": each, "words": given.words} for each in wrong]
    sys.stdin = real
    sys.stdout.write(json.dumps({"codes": codes, "faults": results}))


if __name__ == "__main__":
    main()
