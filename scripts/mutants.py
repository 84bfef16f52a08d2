"""Break the patch in named ways, one at a time, and require that a named test turns red.

    python scripts/mutants.py [NAME …]

Works on a copy; the checkout is not touched. Exit code 0 when every mutation was caught.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUARD = "patch/endpoint_patch"
RELAY = f"{GUARD}/versions/v1_0_0/inserted"
BRIDGE = f"{GUARD}/versions/v2_0_0/inserted"
GUARD_TESTS = "tests/unit/endpoint_patch"
RELAY_TEST = "tests/unit/v1_0_0/test_relay.py"
BRIDGE_TEST = "tests/unit/v2_0_0/test_bridge.py"
TURNS_TEST = "tests/unit/v2_0_0/test_turns.py"
LIFE_TEST = "tests/unit/v2_0_0/test_lifecycle.py"


@dataclass(frozen=True)
class Mutant:
    """One deliberate fault: `old` stands exactly once in `file`; `test` must fail with `new`."""

    name: str
    file: str
    old: str
    new: str
    test: str


MUTANTS = (
    Mutant(
        "rename made a plain write",
        f"{GUARD}/install.py",
        "Path(name).replace(target)",
        "target.write_bytes(data)",
        f"{GUARD_TESTS}/test_install.py",
    ),
    Mutant(
        "file not flushed to disk",
        f"{GUARD}/install.py",
        "                os.fsync(file.fileno())\n",
        "",
        f"{GUARD_TESTS}/test_install.py::test_on_disk",
    ),
    Mutant(
        "unknown file let through",
        f"{GUARD}/guard.py",
        'if on_unknown == "passthrough":',
        "if on_unknown:",
        f"{GUARD_TESTS}/test_guard.py::test_unknown",
    ),
    Mutant(
        "result not verified",
        f"{GUARD}/guard.py",
        "verify(stock, patched, version)",
        "None",
        f"{GUARD_TESTS}/test_guard.py::test_nothing_unverified_comes_out",
    ),
    Mutant(
        "malware not refused",
        f"{GUARD}/__main__.py",
        "guard.refuse_compromised(",
        "len(",
        f"{GUARD_TESTS}/test_main.py::test_refused",
    ),
    Mutant(
        "stale bytecode not noticed",
        f"{GUARD}/__main__.py",
        "if found.shadow and",
        "if False and",
        f"{GUARD_TESTS}/test_main.py::test_refused",
    ),
    Mutant(
        "relay: later frames not authorised",
        f"{RELAY}/relay.py",
        "create.model not in self._authorized:",
        "False:",
        f"{RELAY_TEST}::test_the_model_of_every_frame_is_authorised",
    ),
    Mutant(
        "relay: first frame not authorised",
        f"{RELAY}/relay.py",
        "identity = await authorize(self._socket, self._authenticate, create.model)",
        "identity = None",
        f"{RELAY_TEST}::test_the_model_of_every_frame_is_authorised",
    ),
    Mutant(
        "relay: status of an error dropped",
        f"{RELAY}/relay.py",
        "await self._send(text)\n\n    async def close",
        "await self._send(data)\n\n    async def close",
        f"{RELAY_TEST}::test_litellm_s_status_less_errors_get_one",
    ),
    Mutant(
        "relay: two models in one frame accepted",
        f"{RELAY}/frames.py",
        "if len(set(named)) > 1:",
        "if len(set(named)) > 2:",
        f"{RELAY_TEST}::test_a_bad_first_frame_is_told_and_closed_1008",
    ),
    Mutant(
        "relay: other spelling of a key accepted",
        f"{RELAY}/frames.py",
        "key not in _READ_HERE and key.casefold() in _READ_HERE for key in part",
        "False for key in part",
        f"{RELAY_TEST}::test_a_bad_first_frame_is_told_and_closed_1008",
    ),
    Mutant(
        "relay: illegal close code sent",
        f"{RELAY}/relay.py",
        "code if is_legal_close(code) else 1011",
        "code",
        f"{RELAY_TEST}::test_an_illegal_close_code_becomes_1011",
    ),
    Mutant(
        "bridge: a second key header leaks into the turn",
        f"{BRIDGE}/request.py",
        '    b"x-litellm-api-key",\n',
        "",
        "tests/unit/v2_0_0/test_request.py::test_the_turn_has_the_identity_of_the_handshake",
    ),
    Mutant(
        "bridge: the key's subprotocol echoed",
        f"{BRIDGE}/request.py",
        "if not name.startswith(_KEY_SUBPROTOCOL)",
        "if name",
        "tests/unit/v2_0_0/test_request.py::test_the_subprotocol_with_the_key_is_never_echoed",
    ),
    Mutant(
        "bridge: one trace for all turns",
        f"{BRIDGE}/request.py",
        '    b"traceparent",\n',
        "",
        "tests/unit/v2_0_0/test_request.py::test_headers_of_the_connection_or_of_one_request_stop",
    ),
    Mutant(
        "bridge: the socket's ASGI version kept",
        f"{BRIDGE}/request.py",
        '"spec_version": "2.3"',
        '"spec_version": "2.4"',
        f"{LIFE_TEST}::test_a_leaving_client_cancels_the_request",
    ),
    Mutant(
        "bridge: client's leaving not passed on",
        f"{BRIDGE}/bridge.py",
        "            exchange.disconnect()\n",
        "            pass\n",
        f"{LIFE_TEST}::test_a_slow_application_hears_of_a_leaving_client",
    ),
    Mutant(
        "bridge: duplicate keys accepted",
        f"{BRIDGE}/frames.py",
        "return plain if len(plain) == len(pairs) else _Repeated(plain)",
        "return plain",
        "tests/unit/v2_0_0/test_frames.py::test_a_bad_frame_is_refused_in_openai_s_shape",
    ),
    Mutant(
        "bridge: warm-up sent to the provider",
        f"{BRIDGE}/session.py",
        "if create.warm_up:",
        "if False:",
        "tests/unit/v2_0_0/test_session.py::"
        "test_a_warm_up_costs_no_request_and_its_input_reaches_the_next_turn",
    ),
    Mutant(
        "bridge: the warm-up's input forgotten",
        f"{BRIDGE}/session.py",
        "self._memory.remember(response_id, parent, new)",
        "self._memory.remember(response_id, parent, [])",
        "tests/unit/v2_0_0/test_session.py::"
        "test_a_warm_up_costs_no_request_and_its_input_reaches_the_next_turn",
    ),
    Mutant(
        "bridge: a stored turn expanded",
        f"{BRIDGE}/session.py",
        'new if body.get("store") is False else None',
        "new",
        "tests/unit/v2_0_0/test_session.py::test_a_stored_turn_is_continued_by_the_provider",
    ),
    Mutant(
        "bridge: lost history passed off as whole",
        f"{BRIDGE}/memory.py",
        "if current in self._lost:",
        "if False:",
        "tests/unit/v2_0_0/test_session.py::test_a_conversation_over_the_limit_is_lost_as_a_whole",
    ),
    Mutant(
        "bridge: early end left in silence",
        f"{BRIDGE}/turn.py",
        'await self._fail("The upstream stream ended early.", "upstream_stream_ended")',
        "pass",
        f"{TURNS_TEST}::test_a_turn_never_ends_in_silence",
    ),
    Mutant(
        "bridge: events after the end passed on",
        f"{BRIDGE}/turn.py",
        "            self.ended = True\n",
        "            pass\n",
        f"{TURNS_TEST}::test_a_stream_has_one_terminal_event",
    ),
    Mutant(
        "bridge: connection kept after the key was revoked",
        f"{BRIDGE}/bridge.py",
        "if exchange.lost_identity:",
        "if False:",
        f"{LIFE_TEST}::test_a_key_revoked_later_is_told_and_closed_1008",
    ),
    Mutant(
        "bridge: turns started during a drain",
        f"{BRIDGE}/bridge.py",
        "while lane and self._starting and not self._draining():",
        "while lane:",
        f"{LIFE_TEST}::test_a_drain_ends_running_turns_and_starts_none",
    ),
    Mutant(
        "bridge: no limit on turns in flight",
        f"{BRIDGE}/bridge.py",
        "if self._in_flight >= _MAX_IN_FLIGHT:",
        "if False:",
        f"{LIFE_TEST}::test_work_in_flight_is_bounded",
    ),
    Mutant(
        "bridge: no limit on waiting bytes",
        f"{BRIDGE}/bridge.py",
        "return not self._in_flight or self._in_flight_bytes + size <= _MAX_IN_FLIGHT_BYTES",
        "return True",
        f"{LIFE_TEST}::test_waiting_messages_are_bounded_in_bytes",
    ),
    Mutant(
        "bridge: a failed send leaves a deaf connection",
        f"{BRIDGE}/session.py",
        'return json.dumps(value, separators=(",", ":"))',
        'return json.dumps(value, separators=(",", ":"), ensure_ascii=False)',
        f"{TURNS_TEST}::test_half_a_surrogate_pair_reaches_the_client",
    ),
    Mutant(
        "bridge: ?model= may break out",
        f"{BRIDGE}/attach.py",
        "if model and not is_model_name(model):",
        "if False:",
        f"{BRIDGE_TEST}::test_a_model_in_the_url_cannot_break_out",
    ),
    Mutant(
        "bridge: runs in another release",
        f"{BRIDGE}/attach.py",
        "    _require_release(litellm_version)\n",
        "",
        f"{BRIDGE_TEST}::test_the_file_of_another_release_refuses_to_load",
    ),
)


def run_tests(tree: Path, *tests: str) -> int:
    """Run tests in a copy of the tree; return pytest's exit code (0 green, 1 red, else broken)."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=tree, capture_output=True, check=False, text=True)
    if done.returncode not in (0, 1):
        sys.stdout.write(done.stdout[-3000:] + done.stderr[-3000:])
    return done.returncode


def is_caught(tree: Path, mutant: Mutant) -> bool:
    """Apply one mutation to the copy, run its test, take the mutation back."""
    file = tree / mutant.file
    text = file.read_text()
    if text.count(mutant.old) != 1:
        print(f"  {mutant.old!r} stands {text.count(mutant.old)} times in {mutant.file}")
        return False
    file.write_text(text.replace(mutant.old, mutant.new))
    try:
        return run_tests(tree, mutant.test) == 1
    finally:
        file.write_text(text)


def main() -> int:
    """Run the chosen mutations, or all."""
    parser = argparse.ArgumentParser(
        description="Break the patch in named ways; see that a test turns red."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(m.name for m in MUTANTS))
    names = parser.parse_args().names
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        for part in ("patch", "tests"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, tree / part, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", tree)
        if run_tests(tree, *sorted({mutant.test for mutant in chosen})) != 0:
            print("the tests are not green without a mutation")
            return 1
        survivors = []
        for mutant in chosen:
            caught = is_caught(tree, mutant)
            print(f"{'caught  ' if caught else 'SURVIVED'}  {mutant.name}", flush=True)
            if not caught:
                survivors.append(mutant.name)
    print(f"{len(chosen) - len(survivors)} passed, {len(survivors)} failed")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
