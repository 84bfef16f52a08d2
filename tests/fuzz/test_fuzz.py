"""20,000 inputs to the verbs that read others' files, words and cluster answers.

Each input must end with an exit code and a sentence, within 5 s of CPU time and 300 MiB. The output
has no traceback and no control characters. A printed command has foreign words only in quotes.
`inject --remove` must restore the exact input of `inject`. Seeds are fixed; `make fuzz` tries more
(FUZZ_TIMES). To run one again: python -m fuzz.child VERB SEED SEED+1
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import judge, verbs
from fuzz.tally import TALLY

ROOT = Path(__file__).parents[2]
TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
# Verbs with fast inputs get more.
COUNTS = {
    "inject": 1000, "inject --remove": 2000, "doctor": 1600, "render": 1200, "render --chart": 1000,
    "diff": 1000, "pin": 1000, "releases": 4400, "check-upgrade": 2000, "status": 1200,
    "verify": 1200, "doctor --from-cluster": 1200, "pin --from-cluster": 1200,
}  # fmt: skip
# The least number of successes, so that inputs reach the interesting code; 1 by default. `verify`
# has none, since no pod answers.
DONE = {"verify": 0, "inject": 200, "inject --remove": 500, "doctor": 100, "render": 100}


@pytest.fixture(scope="session")
def tally(request):
    """Return the counts of the run, which are printed at its end."""
    return request.config.stash[TALLY]


def batch(verb, first, last, folder):
    """Return the result of a child's batch; on a crash fail with the seed."""
    path = os.pathsep.join(str(ROOT / each) for each in ("patch", "tests", "scripts"))
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.child", verb, str(first), str(last)],
        env={**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    doing = folder / "doing"
    at = doing.read_text() if doing.exists() else "none"
    assert done.returncode == 0, f"{verb}: seed {at} ended it: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


@pytest.mark.timeout(900 * TIMES)
@pytest.mark.parametrize("verb", verbs.VERBS)
def test_any_input_is_a_sentence_and_an_exit_code(verb, tmp_path, tally):
    """No input causes a fault, and enough inputs succeed."""
    number = COUNTS[verb] * TIMES
    told = batch(verb, 0, number, tmp_path)
    tally[verb] = told["codes"]
    assert told["faults"] == []
    assert sum(told["codes"].values()) == number
    assert told["codes"].get("0", 0) >= DONE.get(verb, 1)


def test_there_are_enough():
    """There are 20,000 inputs, and at least 1,000 for each verb."""
    assert sum(COUNTS.values()) >= 20_000
    assert min(COUNTS.values()) >= 1_000


@pytest.mark.parametrize(
    ("code", "said", "told", "fault"),
    [
        (1, "", "Traceback (most recent call last):\nerror: x", "a traceback"),
        ("KeyError: 'a'", "", "", "exit code"),
        (1, "", "it failed", "the last line is"),
        (0, "a\x1b[31m", "", "raw"),
        (0, "a\u202eb", "", "raw"),
        (0, "planted-line", "", "somebody else's"),
        (0, "run: kubectl get $(planted)", "", "not in quotes"),
        (0, "run: kubectl get x;planted", "", "not in quotes"),
        (0, "kubectl get --planted", "", "not in quotes"),
        (0, 'litellm-overlay diff "$(planted)"', "", "not in quotes"),
    ],
)
def test_what_is_wrong_is_seen(code, said, told, fault):
    """The judge finds each kind of fault."""
    assert any(fault in each for each in judge.faults(code, said, told))


@pytest.mark.parametrize(
    "line", ["kubectl get 'x;planted'", "$(planted) is no image", "kubectl get planted.", ""]
)
def test_what_is_right_is_let_through(line):
    """The judge accepts a hostile name in a sentence or in quotes."""
    assert list(judge.faults(0, line, "")) == []
