"""Break the project in named ways, one at a time, and require that a named test fails.

    python scripts/mutants.py [NAME …]

The checkout is not touched: mutants are tried on copies. Exit code 0: every mutant was caught.

More than 300 lines: one table with an entry per guard. The program itself is short.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import itertools
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
AT_ONCE = 2
GUARD = "patch/endpoint_patch"
RELAY = f"{GUARD}/versions/v1_0_0/inserted"
BRIDGE = f"{GUARD}/versions/v2_0_0/inserted"
GUARD_TESTS = "tests/unit/endpoint_patch"
TRACES_TEST = f"{GUARD_TESTS}/test_traces.py"
NEWER_TEST = "tests/unit/litellm_overlay/commands/test_newer_release.py"
VERBS_TEST = "tests/unit/litellm_overlay/commands/test_malware.py"
FLEET_TEST = "tests/unit/litellm_overlay/commands/test_inject_fleet.py"
RELEASES_TEST = "tests/unit/litellm_overlay/commands/test_inject_releases.py"
MOVING_TEST = "tests/unit/litellm_overlay/commands/test_moving_tags.py"
RELAY_TEST = "tests/unit/v1_0_0/test_relay.py"
BRIDGE_TEST = "tests/unit/v2_0_0/test_bridge.py"
TURNS_TEST = "tests/unit/v2_0_0/test_turns.py"
LIFE_TEST = "tests/unit/v2_0_0/test_lifecycle.py"
READING_TEST = "tests/unit/v2_0_0/test_reading.py"
NUMBERS_TEST = "tests/unit/v2_0_0/test_numbers.py"
CANCEL_TEST = "tests/unit/v2_0_0/test_cancel.py"
HTTP_ERRORS_TEST = "tests/unit/v2_0_0/test_http_errors.py"
STATUSES_TEST = "tests/unit/v2_0_0/test_statuses.py"
ANSWERS_TEST = "tests/unit/v2_0_0/test_answers.py"
STORED_TEST = "tests/unit/v2_0_0/test_stored.py"
ENDINGS_TEST = "tests/unit/v2_0_0/test_endings.py"
LANES_TEST = "tests/unit/v2_0_0/test_lanes.py"
METRICS_TEST = "tests/unit/v2_0_0/test_metrics.py"
SWITCH_TEST = "tests/unit/v2_0_0/test_switch.py"
HEARTBEAT_TEST = "tests/unit/v2_0_0/test_heartbeat.py"
HANDSHAKE_TEST = "tests/unit/v2_0_0/test_handshake.py"
REQUEST_TEST = "tests/unit/v2_0_0/test_request.py"


@dataclass(frozen=True)
class Mutant:
    """One deliberate fault: `old`, once in `file`, is replaced by `new`; then `test` must fail."""

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
        "report says patched with exit code 15",
        f"{GUARD}/__main__.py",
        '            _refuse(facts, "refused", error)\n            facts["patchedSha256"]',
        '            facts["exitCode"] = error.exit_code\n            facts["patchedSha256"]',
        "tests/unit/litellm_overlay/test_one_reading.py::"
        "test_a_guard_that_could_not_write_its_report",
    ),
    Mutant(
        "report believed in spite of the exit code",
        "patch/litellm_overlay/objects/guard_report.py",
        '        decision = "refused"\n',
        "        pass\n",
        "tests/unit/litellm_overlay/test_one_reading.py::"
        "test_an_exit_code_counts_more_than_what_the_report_claims",
    ),
    Mutant(
        "a named file read instead of what is on stdin",
        "patch/litellm_overlay/commands/manifest_options.py",
        "    if stat.S_ISREG(kind.st_mode):\n",
        "    if True:\n        return False\n    if stat.S_ISREG(kind.st_mode):\n",
        "tests/unit/litellm_overlay/commands/test_manifest_options.py::"
        "test_a_named_file_while_stdin_has_data",
    ),
    Mutant(
        "another's hook replaced by the drain's",
        "patch/litellm_overlay/overlay/drain.py",
        "    if there:\n",
        "    if not there and there:\n",
        "tests/unit/litellm_overlay/overlay/test_inject_drain.py::test_what_is_there_stays",
    ),
    Mutant(
        "malware may be ignored",
        "patch/litellm_overlay/checks/topics.py",
        '_ALWAYS = {"malicious"}',
        "_ALWAYS: set[str] = set()",
        "tests/unit/litellm_overlay/checks/test_topics.py::test_malware_is_never_left_out",
    ),
    Mutant(
        "a turn made as oneself, not as --as says",
        "patch/litellm_overlay/cluster/tunnel.py",
        "for_websocket(headers)",
        "dict(headers)",
        "tests/unit/litellm_overlay/commands/test_selector_and_user.py::test_another_user_in_a_pod",
    ),
    Mutant(
        "unknown file let through",
        f"{GUARD}/decision.py",
        'if policy.on_unknown == "passthrough":',
        "if policy.on_unknown:",
        f"{GUARD_TESTS}/test_decision.py::test_a_cell",
    ),
    Mutant(
        "bridge: runs where POST is not guarded",
        f"{BRIDGE}/attach.py",
        "and own in [each.call for each in route.dependant.dependencies]",
        "and route.dependant.dependencies",
        "tests/unit/v2_0_0/test_attach.py",
    ),
    Mutant(
        "a handler that nobody has read replaced",
        f"{GUARD}/decision.py",
        'return "patched" if read else "refused"',
        'return "patched"',
        f"{GUARD_TESTS}/test_decision.py::test_a_changed_handler_is_never_replaced",
    ),
    Mutant(
        "another file taken for the expected one",
        f"{GUARD}/decision.py",
        'expected = policy.on_unknown == "patch" and file.sha256 == policy.expected_sha256',
        'expected = policy.on_unknown == "patch"',
        f"{GUARD_TESTS}/test_decision.py::test_another_file_than_the_expected_one",
    ),
    Mutant(
        "the relay put where upstream has fixed it",
        f"{GUARD}/__main__.py",
        "and not version.on_fixed:",
        "and False:",
        f"{GUARD_TESTS}/test_main.py::test_refused",
    ),
    Mutant(
        "malware that the plan names let through",
        f"{GUARD}/compromised.py",
        "(*stock_file.compromised(), *also)",
        "stock_file.compromised()",
        f"{GUARD_TESTS}/test_compromised.py::test_a_plan_adds",
    ),
    Mutant(
        "paths compared as text",
        f"{GUARD}/paths.py",
        "    if os.path.realpath(one) == os.path.realpath(other):\n        return True\n",
        "    return one == other\n",
        f"{GUARD_TESTS}/test_main.py::test_no_path_leads_to_the_output",
    ),
    Mutant(
        "an altered payload run",
        "manifests/prove.py",
        "if digest.hexdigest() == expected:",
        "if True:",
        "tests/unit/litellm_overlay/test_proof.py::test_an_altered_payload_does_not_run",
    ),
    Mutant(
        "the inserted names left in the module's scope",
        f"{GUARD}/postconditions.py",
        "syntax.module_names(inserted) == {edits.SCOPE}\n        and ",
        "",
        f"{GUARD_TESTS}/test_postconditions.py::test_what_would_reach_out_of_the_scope",
    ),
    Mutant(
        "an altered ConfigMap not noticed by verify",
        "patch/litellm_overlay/fleet/verification.py",
        "    if digest == expected:\n",
        "    if True:\n",
        "tests/unit/litellm_overlay/fleet/test_verification.py::test_what_is_wrong_with_a_payload",
    ),
    Mutant(
        "result not verified",
        f"{GUARD}/decision.py",
        "verify(stock, patched, version)",
        "None",
        f"{GUARD_TESTS}/test_decision.py::test_nothing_unverified_comes_out",
    ),
    Mutant(
        "malware not refused",
        f"{GUARD}/__main__.py",
        "compromised.refuse(proxy.versions, order.compromised)",
        "None",
        f"{GUARD_TESTS}/test_main.py::test_source_path",
    ),
    Mutant(
        "malware hidden by a label",
        f"{GUARD}/compromised.py",
        "if _final(release) in malicious",
        "if release in stock_file.compromised()",
        f"{GUARD_TESTS}/test_compromised.py::test_how_a_malicious_release_may_be_spelt",
    ),
    Mutant(
        "traces of malware not refused",
        f"{GUARD}/traces.py",
        "        _refuse_names(folder)\n",
        "        pass\n",
        f"{TRACES_TEST}::test_a_trace_is_refused",
    ),
    Mutant(
        "known content of malware not refused",
        f"{GUARD}/traces.py",
        "    _refuse_content([",
        "    list([",
        f"{TRACES_TEST}::test_known_content_is_refused",
    ),
    Mutant(
        "malicious metadata seen only when it has run",
        f"{GUARD}/traces.py",
        "    compromised.refuse(_releases(folders), also)\n",
        "",
        f"{TRACES_TEST}::test_a_malicious_release_is_refused_by_its_metadata",
    ),
    Mutant(
        "two weak traces let through",
        f"{GUARD}/traces.py",
        "== len(_TOGETHER):",
        "> len(_TOGETHER):",
        f"{TRACES_TEST}::test_sitecustomize_alone_is_reported",
    ),
    Mutant(
        "a weak trace refused alone",
        f"{GUARD}/traces.py",
        "== len(_TOGETHER):",
        ">= 1:",
        f"{TRACES_TEST}::test_sitecustomize_alone_is_reported",
    ),
    Mutant(
        "folders added by a .pth file not looked at",
        f"{GUARD}/traces.py",
        ", *(each for path in pth for each in _added(path))]",
        "]",
        f"{TRACES_TEST}::test_a_folder_that_a_pth_file_adds",
    ),
    Mutant(
        "folders added by a start-up line not looked at",
        f"{GUARD}/locate.py",
        '    traces.scan(answer["folders"], (), also=also)',
        "    pass",
        f"{TRACES_TEST}::test_a_folder_that_a_start_up_line_adds",
    ),
    Mutant(
        "malware runs before the look",
        f"{GUARD}/locate.py",
        '[*interpreter, "-I", "-S"]',
        "interpreter",
        f"{TRACES_TEST}::test_a_malicious_release_is_refused_by_its_metadata",
    ),
    Mutant(
        "PYTHONPATH runs inside the guard",
        "manifests/_overlay.yaml.j2",
        '  - "-I"\n',
        "",
        "tests/unit/litellm_overlay/overlay/test_payload.py::"
        "test_the_init_containers_command_starts_the_payload",
    ),
    Mutant(
        "a released version taken from the source as it is now",
        "patch/litellm_overlay/catalogue/patch_files.py",
        "if version in released():",
        "if not version:",
        "tests/unit/litellm_overlay/catalogue/test_patch_files.py::"
        "test_a_released_version_stays_as_it_was",
    ),
    Mutant(
        "the pinned payload not rendered",
        "patch/litellm_overlay/overlay/plan.py",
        "named = {self.payload.version, *(",
        "named = {*(",
        "tests/unit/litellm_overlay/overlay/test_plan.py::test_which_payloads_are_rendered",
    ),
    Mutant(
        "a malicious image let through by --litellm",
        "patch/litellm_overlay/overlay/plan.py",
        "if malware := assessment.find_malware(self.catalogue, image):",
        "if malware := None:",
        VERBS_TEST,
    ),
    Mutant(
        "a malicious image pinned",
        "patch/litellm_overlay/lock.py",
        """if litellm.release and litellm.state == "malicious":""",
        "if False:",
        f"{VERBS_TEST}::test_a_malicious_image_is_refused",
    ),
    Mutant(
        "the digest of a malicious image not known",
        "patch/litellm_overlay/catalogue/assessment.py",
        "if digest in each)",
        "if not digest)",
        f"{VERBS_TEST}::test_a_malicious_image_is_refused",
    ),
    Mutant(
        "a newer release blocks the upgrade",
        "patch/litellm_overlay/catalogue/releases.py",
        "if not self._is_newer(version):",
        "if True:",
        f"{NEWER_TEST}::test_a_post_renderer_goes_on_and_says_so",
    ),
    Mutant(
        "a look at the index lifts the exit code",
        "patch/litellm_overlay/commands/check_upgrade.py",
        """if result.verdict in {"unreviewed", "unknown"}:""",
        """if result.verdict == "unknown" or (result.verdict == "unreviewed" and not index):""",
        f"{NEWER_TEST}::test_the_index_adds_what_it_knows",
    ),
    Mutant(
        "an index's credentials go where its files lie",
        "patch/litellm_overlay/index/lookup.py",
        "self._keys if parts.hostname == self._home else {}",
        "self._keys",
        "tests/unit/litellm_overlay/index/test_lookup.py::"
        "test_credentials_go_to_the_index_alone_and_stay_out_of_sight",
    ),
    Mutant(
        "malware named later in a tag let through",
        "patch/litellm_overlay/catalogue/image_tags.py",
        "return re.search(",
        "return re.match(",
        f"{VERBS_TEST}::test_a_malicious_image_is_refused",
    ),
    Mutant(
        "the last version in a tag counts",
        "patch/litellm_overlay/catalogue/image_tags.py",
        "(?:.*?[-_])??)v?",
        "(?:.*[-_])?)v?",
        "tests/unit/litellm_overlay/catalogue/test_image_tags.py::"
        "test_other_tags_name_only_the_nearest_release",
    ),
    Mutant(
        "diff shows malware as a difference",
        "patch/litellm_overlay/overlay/preview.py",
        "        compromised.refuse([litellm_version] if litellm_version else [])\n",
        "",
        "tests/unit/litellm_overlay/overlay/test_preview.py::"
        "test_a_malicious_release_is_no_difference",
    ),
    Mutant(
        "status passes over malware",
        "patch/litellm_overlay/fleet/rows.py",
        'decision = "malicious" if malware else _decide(',
        "decision = _decide(",
        "tests/unit/litellm_overlay/fleet/test_rows.py::"
        "test_malware_is_malicious_whatever_was_decided",
    ),
    Mutant(
        "doctor passes over malware",
        "patch/litellm_overlay/checks/release.py",
        "if malware := assessment.find_malware(catalogue, image, *running, *versions):",
        "if malware := None:",
        "tests/unit/litellm_overlay/checks/test_checks.py::"
        "test_malware_is_an_error_whoever_names_it",
    ),
    Mutant(
        "stale bytecode not noticed",
        f"{GUARD}/__main__.py",
        "if proxy.shadow and",
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
        "bridge: a key in the subprotocol lends its rights beside another",
        f"{BRIDGE}/request.py",
        "key = None if shows_key else",
        "key = None if False else",
        f"{REQUEST_TEST}::test_what_only_sockets_know_becomes_what_post_knows",
    ),
    Mutant(
        "bridge: a cookie made an identity",
        f"{BRIDGE}/request.py",
        '_AMBIENT_HEADERS = {b"cookie"}',
        "_AMBIENT_HEADERS: set[bytes] = set()",
        f"{HANDSHAKE_TEST}::test_the_check_gets_the_request_that_a_turn_will_be",
    ),
    Mutant(
        "bridge: a web page let in against the CORS settings",
        f"{BRIDGE}/handshake.py",
        "if origin is not None and not self._allows(websocket, origin, by_name=False):",
        "if False and origin is not None:",
        f"{HANDSHAKE_TEST}::test_a_web_page_needs_the_proxy_s_cors_settings",
    ),
    Mutant(
        "bridge: any web page let in where nobody shows a key",
        f"{BRIDGE}/handshake.py",
        "self._is_keyless(identity, shown)\n",
        "False\n",
        f"{HANDSHAKE_TEST}::test_an_origin_and_no_key_is_nobody",
    ),
    Mutant(
        "bridge: a keyless proxy open to web pages that show any key",
        f"{BRIDGE}/handshake.py",
        " or self._process.litellm.is_keyless()",
        "",
        f"{HANDSHAKE_TEST}::test_a_web_page_needs_the_proxy_s_cors_settings",
    ),
    Mutant(
        "bridge: whoever shows an unknown key is accepted to be told",
        f"{BRIDGE}/refusals.py",
        "known=reason is not None",
        "known=True",
        f"{HANDSHAKE_TEST}::test_whoever_shows_no_known_key_gets_no_connection",
    ),
    Mutant(
        "bridge: any number of refused keys told at once",
        f"{BRIDGE}/handshake.py",
        "if not refusal.known or self._telling >= MAX_TOLD:",
        "if not refusal.known:",
        f"{HANDSHAKE_TEST}::test_so_many_are_told_at_once_and_the_others_get_403",
    ),
    Mutant(
        "bridge: a refused key gets a session",
        f"{BRIDGE}/handshake.py",
        "            await self.refuse(websocket, refusal_from(error))\n            return None\n",
        "            identity = None\n",
        f"{HANDSHAKE_TEST}::test_a_refused_key_makes_no_session",
    ),
    Mutant(
        "bridge: the handshake's check sees another application",
        f"{BRIDGE}/key_check.py",
        'request.scope["app"] = request.scope[_APPLICATION]',
        "pass",
        f"{HANDSHAKE_TEST}::test_the_check_gets_the_request_that_a_turn_will_be",
    ),
    Mutant(
        "bridge: a door where POST is another endpoint",
        f"{BRIDGE}/attach.py",
        "for route in routes if route.endpoint in served]",
        "for route in routes]",
        "tests/unit/v2_0_0/test_attach.py::test_a_door_is_where_post_is_served_and_guarded",
    ),
    Mutant(
        "bridge: turns made with another key than the connection's",
        f"{BRIDGE}/request.py",
        "kept += [(name, _bearer(value) if",
        'kept += [(name, b"Bearer sk-1234" if',
        "tests/database/test_models.py::test_models_of_a_key[1.88.6]",
    ),
    Mutant(
        "bridge: the key's subprotocol echoed",
        f"{BRIDGE}/request.py",
        "if not _may_carry_a_key(name)",
        "if name",
        "tests/unit/v2_0_0/test_request.py::test_the_subprotocol_with_the_key_is_never_echoed",
    ),
    Mutant(
        "bridge: the key's subprotocol echoed in another spelling",
        f"{BRIDGE}/request.py",
        'return "apikey" in re.sub(r"[^a-z]", "", name) or',
        "return subprotocol.startswith(_KEY_SUBPROTOCOL) or",
        "tests/unit/v2_0_0/test_request.py::test_the_subprotocol_with_the_key_is_never_echoed",
    ),
    Mutant(
        "relay: the key's subprotocol echoed",
        f"{RELAY}/attach.py",
        "if not _may_carry_a_key(name)",
        "if name",
        f"{RELAY_TEST}::test_a_subprotocol_with_a_key_is_never_echoed",
    ),
    Mutant(
        "bridge: one trace for all turns",
        f"{BRIDGE}/request.py",
        '    b"traceparent",\n',
        "",
        "tests/unit/v2_0_0/test_request.py::test_headers_of_the_connection_or_of_one_request_stop",
    ),
    Mutant(
        "bridge: a turn's trace hangs on the socket's",
        f"{BRIDGE}/application.py",
        "contextvars.Context().run(asyncio.ensure_future, coroutine)",
        "asyncio.ensure_future(coroutine)",
        "tests/unit/v2_0_0/test_application.py::"
        "test_a_turn_shares_nothing_with_the_socket_or_with_another_turn",
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
        f"{BRIDGE}/turn.py",
        "await self._left.wait()",
        "await asyncio.Event().wait()",
        f"{LIFE_TEST}::test_a_slow_application_hears_of_a_leaving_client",
    ),
    Mutant(
        "bridge: duplicate keys accepted",
        f"{BRIDGE}/reading.py",
        "json_object.repeated = json_object.repeated or key in json_object.members",
        "json_object.repeated = False",
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
        "bridge: lost history passed off as whole",
        f"{BRIDGE}/memory.py",
        "if root in self._lost:",
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
        f"{BRIDGE}/workers.py",
        "if exchange.lost_identity and await",
        "if False and await",
        f"{LIFE_TEST}::test_a_key_revoked_later_is_told_and_closed_1008",
    ),
    Mutant(
        "bridge: a good key lost to a refused body",
        f"{BRIDGE}/workers.py",
        "if exchange.lost_identity and await self._key.is_refused():",
        "if exchange.lost_identity:",
        f"{ENDINGS_TEST}::test_a_good_key_is_not_lost",
    ),
    Mutant(
        "bridge: a check that cannot be run taken for a refusal",
        f"{BRIDGE}/refusals.py",
        "return http_error is not None and http_error[0] != 429",
        "return http_error is None or http_error[0] != 429",
        f"{ENDINGS_TEST}::test_a_check_that_cannot_be_run_keeps_the_connection",
    ),
    Mutant(
        "bridge: a lost key cuts the other lanes",
        f"{BRIDGE}/workers.py",
        "            self.finish(Ending(1008))\n",
        "            self._client.request_close(1008)\n",
        f"{ENDINGS_TEST}::test_a_lost_key_lets_the_other_lanes_end",
    ),
    Mutant(
        "bridge: a message too large cuts the other lanes",
        f"{BRIDGE}/workers.py",
        "self.finish(Ending(refusal.close))",
        "self._client.request_close(refusal.close)",
        f"{ENDINGS_TEST}::test_a_message_too_large_lets_the_other_lanes_end",
    ),
    Mutant(
        "bridge: turns started during a drain",
        f"{BRIDGE}/workers.py",
        "return self.ending is None and not leaving",
        "return not leaving",
        f"{LIFE_TEST}::test_a_drain_ends_running_turns_and_starts_none",
    ),
    Mutant(
        "bridge: a drain forgotten with its file",
        f"{BRIDGE}/workers.py",
        "self.ending = self.ending or ending",
        "pass",
        f"{ENDINGS_TEST}::test_a_drain_flag_that_was_seen_counts",
    ),
    Mutant(
        "bridge: no drain",
        f"{BRIDGE}/bridge.py",
        "        self._workers.finish(Ending(1012))\n",
        "        pass\n",
        "tests/soak/test_faults.py::test_the_pod_ends",
    ),
    Mutant(
        "bridge: no terminal event when the provider is cut",
        f"{BRIDGE}/turn.py",
        "        if self.over:\n            return\n        raised",
        "        return\n        raised",
        "tests/soak/test_faults.py::test_the_provider_is_cut[websocket]",
    ),
    Mutant(
        "bridge: a look at the drain for each connection",
        f"{BRIDGE}/clocks.py",
        "        if self._timer is None:\n            self._timer = async",
        "        if True:\n            self._timer = async",
        "tests/unit/v2_0_0/test_clocks.py::test_a_drain_is_told_once_to_each_that_is_there",
    ),
    Mutant(
        "bridge: a connection that ends is deaf",
        f"{BRIDGE}/bridge.py",
        "if self._workers.ending is not None and size > SMALL_BYTES:",
        "if self._workers.ending is not None:",
        f"{ENDINGS_TEST}::test_what_runs_can_be_cancelled_while_the_connection_ends",
    ),
    Mutant(
        "bridge: an idle connection wakes up",
        f"{BRIDGE}/bridge.py",
        "            await self._woken(rest)",
        "            await self._woken(min(rest or 1, 0.5))",
        f"{ENDINGS_TEST}::test_an_idle_connection_runs_nothing",
    ),
    Mutant(
        "bridge: numbers that are none accepted",
        f"{BRIDGE}/reading.py",
        "if not _is_finite(value):",
        "if False:",
        "tests/unit/v2_0_0/test_frames.py::test_a_bad_frame_is_refused_in_openai_s_shape",
    ),
    Mutant(
        "bridge: an object with no end of keys read by hand",
        f"{BRIDGE}/reading.py",
        "if len(json_object.members) > _MAX_MEMBERS:",
        "if False:",
        "tests/unit/v2_0_0/test_frames.py::test_a_bad_frame_is_refused_in_openai_s_shape",
    ),
    Mutant(
        "bridge: text forwarded for a value that another one stands for",
        f"{BRIDGE}/frames.py",
        "body.get(name) is member and",
        "",
        f"{READING_TEST}::test_only_the_text_of_what_counts_is_kept",
    ),
    Mutant(
        "bridge: what orjson did not read to the end taken as read",
        f"{BRIDGE}/reading.py",
        "if error.msg == _MORE_FOLLOWS:",
        "if error.pos:",
        f"{READING_TEST}::test_what_is_no_json_is_none_here",
    ),
    Mutant(
        "bridge: an orjson that tells places in another way is believed",
        f"{BRIDGE}/reading.py",
        "return loads if tells else None",
        "return loads",
        f"{READING_TEST}::test_another_orjson_is_not_used",
    ),
    Mutant(
        "bridge: all that follows is looked at for each small value",
        f"{BRIDGE}/reading.py",
        "    size = _FIRST_LOOK\n",
        "    size = len(text)\n",
        f"{READING_TEST}::test_many_small_values_cost_no_more_than_their_message",
    ),
    Mutant(
        "bridge: what orjson refused given to it again and again",
        f"{BRIDGE}/reading.py",
        "            self._orjson = None\n",
        "",
        f"{READING_TEST}::test_what_orjson_refused_once_it_is_not_given_again",
    ),
    Mutant(
        "bridge: the number of an unread event forgotten",
        f"{BRIDGE}/turn.py",
        "                self._delta = data\n",
        "",
        f"{NUMBERS_TEST}::test_an_error_is_numbered_after_what_came_before_it",
    ),
    Mutant(
        "bridge: a chunk taken for an event where one has begun",
        f"{BRIDGE}/sse.py",
        "            and not (self._tail or self._data)\n",
        "",
        "tests/unit/v2_0_0/test_sse.py::test_a_chunk_that_looks_like_an_event_may_be_none",
    ),
    Mutant(
        "bridge: a refusal holds its message",
        f"{BRIDGE}/frames.py",
        "            refusal.__context__ = None\n            return refusal.with_traceback(None)",
        "            return refusal",
        f"{READING_TEST}::test_a_refusal_holds_nothing_of_its_message",
    ),
    Mutant(
        "bridge: no limit on refused bytes",
        f"{BRIDGE}/bridge.py",
        "is_dear = not isinstance(frame, Create) and self._allowance.in_debt()",
        "is_dear = False",
        f"{ENDINGS_TEST}::test_refused_bytes_are_bounded",
    ),
    Mutant(
        "bridge: each connection brings its own allowance",
        f"{BRIDGE}/bridge.py",
        "if size > SMALL_BYTES and of_key.in_debt():",
        "if False:",
        f"{ENDINGS_TEST}::test_a_new_connection_brings_no_new_allowance",
    ),
    Mutant(
        "bridge: warm-ups take any time",
        f"{BRIDGE}/bridge.py",
        "if not isinstance(frame, Create) or frame.warm_up:",
        "if not isinstance(frame, Create):",
        f"{ENDINGS_TEST}::test_the_time_of_a_warm_up_is_counted",
    ),
    Mutant(
        "bridge: large bodies built side by side",
        f"{BRIDGE}/gate.py",
        "            self._is_taken\n            or",
        "            False\n            or",
        "tests/unit/v2_0_0/test_large_bodies.py::"
        "test_large_bodies_wait_for_each_other_in_all_connections",
    ),
    Mutant(
        "bridge: a history counts only once it is built",
        f"{BRIDGE}/session.py",
        'return create.size + self._memory.length(create.body.get("previous_response_id"))',
        "return create.size",
        "tests/unit/v2_0_0/test_large_bodies.py::test_a_history_counts_before_it_is_built",
    ),
    Mutant(
        "bridge: large bodies wait with no end",
        f"{BRIDGE}/gate.py",
        "timeout=MAX_LARGE_WAITING_SECONDS",
        "timeout=60",
        "tests/unit/v2_0_0/test_large_bodies.py::test_what_waits_too_long_is_told_so",
    ),
    Mutant(
        "bridge: any number of large bodies wait",
        f"{BRIDGE}/gate.py",
        "if len(queue) >= MAX_LARGE_WAITING:",
        "if False:",
        "tests/unit/v2_0_0/test_gate.py::test_too_many_waiting_are_refused",
    ),
    Mutant(
        "bridge: one key's large bodies before all others'",
        f"{BRIDGE}/gate.py",
        "                self._queues.move_to_end(owner)\n",
        "",
        "tests/unit/v2_0_0/test_gate.py::test_keys_take_turns",
    ),
    Mutant(
        "bridge: no bound on large bodies being answered",
        f"{BRIDGE}/gate.py",
        "or (of_key and of_key + size > MAX_LARGE_BYTES_OF_KEY)",
        "",
        "tests/unit/v2_0_0/test_gate.py::test_those_being_answered_are_bounded_in_bytes",
    ),
    Mutant(
        "bridge: no pause between large bodies",
        f"{BRIDGE}/gate.py",
        "call_later(LARGE_PAUSE_SECONDS, self._open)",
        "call_soon(self._open)",
        "tests/unit/v2_0_0/test_gate.py::test_between_two_there_is_a_pause",
    ),
    Mutant(
        "bridge: a silent provider holds up all large bodies",
        f"{BRIDGE}/gate.py",
        "call_later(MAX_LARGE_ALONE_SECONDS, begun)",
        "call_later(60, begun)",
        "tests/unit/v2_0_0/test_gate.py::test_a_silent_provider_holds_nobody_up",
    ),
    Mutant(
        "bridge: who holds little loses first",
        f"{BRIDGE}/histories.py",
        "key=lambda each: each.held, reverse=True",
        "key=lambda each: each.held",
        "tests/unit/v2_0_0/test_histories.py::test_who_holds_most_loses_first",
    ),
    Mutant(
        "bridge: no fair share",
        f"{BRIDGE}/histories.py",
        "min(self.held - self._max_bytes, share.held - fair)",
        "self.held - self._max_bytes + share.held",
        "tests/unit/v2_0_0/test_histories.py::test_a_flood_costs_no_other_key_a_turn",
    ),
    Mutant(
        "bridge: no budget of a process's memory",
        f"{BRIDGE}/histories.py",
        "if self.held > self._max_bytes:",
        "if False:",
        "tests/unit/v2_0_0/test_histories.py::test_a_flood_costs_no_other_key_a_turn",
    ),
    Mutant(
        "bridge: a running turn's history dropped",
        f"{BRIDGE}/workers.py",
        "        with self._session.pinned(create):",
        "        with contextlib.nullcontext():",
        "tests/unit/v2_0_0/test_large_bodies.py::"
        "test_a_running_turn_s_history_stays_and_a_closed_connection_s_goes",
    ),
    Mutant(
        "bridge: a closed connection's history held",
        f"{BRIDGE}/workers.py",
        "        self._session.close()\n",
        "",
        "tests/unit/v2_0_0/test_large_bodies.py::"
        "test_a_running_turn_s_history_stays_and_a_closed_connection_s_goes",
    ),
    Mutant(
        "bridge: ids do not count as memory",
        f"{BRIDGE}/memory.py",
        "cost = _OVERHEAD + ids + len(items)",
        "cost = _OVERHEAD + len(items)",
        "tests/unit/v2_0_0/test_histories.py::test_ids_are_memory_too",
    ),
    Mutant(
        "bridge: a running turn holds its message",
        f"{BRIDGE}/workers.py",
        "                create.body.clear()\n                create.texts.clear()\n",
        "",
        "tests/unit/v2_0_0/test_large_bodies.py::test_a_turn_that_runs_holds_nothing_of_its_message",
    ),
    Mutant(
        "bridge: a running turn holds its body",
        f"{BRIDGE}/turn.py",
        "            body, self._body = self._body, None\n",
        "            body = self._body\n",
        "tests/unit/v2_0_0/test_application.py::test_a_body_is_let_go_of_once_it_was_read",
    ),
    Mutant(
        "bridge: refused messages counted by number",
        f"{BRIDGE}/bridge.py",
        "allowance.charge(0 if isinstance(frame, Create) else size, spent)",
        "allowance.charge(1 << 16, spent)",
        f"{ENDINGS_TEST}::test_small_events_are_honest",
    ),
    Mutant(
        "bridge: no limit on turns in flight",
        f"{BRIDGE}/bounds.py",
        "if self._frames >= self.max_frames:",
        "if False:",
        f"{LIFE_TEST}::test_work_in_flight_is_bounded",
    ),
    Mutant(
        "bridge: no limit on waiting bytes",
        f"{BRIDGE}/bounds.py",
        "return not self._frames or self._bytes + size <= self.max_bytes",
        "return True",
        f"{LIFE_TEST}::test_waiting_messages_are_bounded_in_bytes",
    ),
    Mutant(
        "bridge: no limit on stream ids",
        f"{BRIDGE}/lanes.py",
        "or len(self._stream_ids) < self._max_stream_ids",
        "or True",
        f"{LIFE_TEST}::test_work_in_flight_is_bounded",
    ),
    Mutant(
        "bridge: a dropped frame keeps its room",
        f"{BRIDGE}/lanes.py",
        "            for _, size in lane:\n                self._room.give_back(size)\n",
        "",
        f"{LANES_TEST}::test_whatever_happens_all_room_comes_back",
    ),
    Mutant(
        "bridge: a failed send leaves a deaf connection",
        f"{BRIDGE}/session.py",
        "    return _PLAIN.encode(value)",
        "    return _ENCODER.encode(value)",
        f"{TURNS_TEST}::test_half_a_surrogate_pair_reaches_the_client",
    ),
    Mutant(
        "bridge: ?model= may break out",
        f"{BRIDGE}/attach.py",
        "if model is not None and not is_safe_model_name(model):",
        "if False:",
        f"{BRIDGE_TEST}::test_a_model_in_the_url_cannot_break_out",
    ),
    Mutant(
        "bridge: a conversation that nobody stored is forgotten",
        f"{BRIDGE}/session.py",
        'if self.added.may_be_stored and response.get("store") is True:',
        "if self.added.may_be_stored:",
        f"{STORED_TEST}::test_a_turn_that_nobody_stored_is_remembered_whatever_it_asked_for",
    ),
    Mutant(
        "bridge: a stored conversation sent along as well",
        f"{BRIDGE}/session.py",
        'if self.added.may_be_stored and response.get("store") is True:',
        "if False:",
        f"{STORED_TEST}::test_a_stored_turn_is_continued_by_the_provider",
    ),
    Mutant(
        "bridge: reasoning loses its id everywhere",
        f"{BRIDGE}/session.py",
        "if unsealed and provider.is_openai:",
        "if unsealed:",
        f"{STORED_TEST}::test_reasoning_keeps_its_id_as_over_http",
    ),
    Mutant(
        "bridge: an answer without its past passed on",
        f"{BRIDGE}/turn.py",
        "            self._asked_for is not None\n",
        "            False\n",
        f"{TURNS_TEST}::test_an_answer_without_its_past_is_not_passed_on",
    ),
    Mutant(
        "bridge: a status told as 400 that HTTP tries again",
        f"{BRIDGE}/statuses.py",
        "return 400 if status in (401, 403) and not from_provider else status",
        "return 400 if status in (401, 403, 404, 408, 409) else status",
        f"{STATUSES_TEST}::test_the_docs_say_what_is_told",
    ),
    Mutant(
        "bridge: LiteLLM's own refusal told as it is",
        f"{BRIDGE}/statuses.py",
        "return 400 if status in (401, 403) and not from_provider else status",
        "return status",
        f"{STATUSES_TEST}::test_what_litellm_refuses_itself_provokes_no_retry",
    ),
    Mutant(
        "bridge: a provider speaks for LiteLLM",
        f"{BRIDGE}/http_errors.py",
        'from_provider = is_provider_error(outer.get("message"))',
        "from_provider = False",
        f"{HTTP_ERRORS_TEST}::test_a_provider_cannot_speak_for_litellm",
    ),
    Mutant(
        "bridge: a rate limit inside a stream ends the turn for good",
        f"{BRIDGE}/http_errors.py",
        "            status = 503\n",
        "            pass\n",
        f"{HTTP_ERRORS_TEST}::test_an_error_inside_a_stream_gets_a_status",
    ),
    Mutant(
        "bridge: the provider's own code left in the sentence",
        f"{BRIDGE}/http_errors.py",
        'inner = wrapped_error(outer.get("message"))',
        "inner = wrapped_error(None)",
        f"{HTTP_ERRORS_TEST}::test_the_provider_s_own_error_is_taken_out_of_litellm_s_sentence",
    ),
    Mutant(
        "bridge: a limit's details dropped",
        f"{BRIDGE}/http_errors.py",
        "        details=details,\n",
        "",
        f"{HTTP_ERRORS_TEST}::test_a_limit_s_details_stay",
    ),
    Mutant(
        "bridge: an exception in mid-stream told as a break",
        f"{BRIDGE}/turn.py",
        "raised = exception_error(crash)",
        "raised = None",
        f"{NUMBERS_TEST}::test_what_the_application_raises_in_mid_stream_is_told",
    ),
    Mutant(
        "bridge: errors numbered from 0",
        f"{BRIDGE}/turn.py",
        "            self._number = number + 1\n",
        "            pass\n",
        f"{NUMBERS_TEST}::test_an_error_is_numbered_after_what_came_before_it",
    ),
    Mutant(
        "bridge: response.cancelled is no end",
        f"{BRIDGE}/turn.py",
        '    "response.cancelled",\n',
        "",
        f"{NUMBERS_TEST}::test_no_terminal_event_follows_a_terminal_event",
    ),
    Mutant(
        "bridge: an unknown event told as an error",
        f"{BRIDGE}/frames.py",
        "        return ControlEvent(event, stream_id)\n",
        '        raise RefusalError("Unknown.", "unknown_event", "type")\n',
        f"{CANCEL_TEST}::test_an_event_that_starts_no_turn_ends_none",
    ),
    Mutant(
        "bridge: any id cancels what runs",
        f"{BRIDGE}/frames.py",
        "response_id in running)",
        "running)",
        f"{CANCEL_TEST}::test_an_event_that_starts_no_turn_ends_none",
    ),
    Mutant(
        "bridge: a cancelled turn's request runs on",
        f"{BRIDGE}/turn.py",
        "await self._put(cancelled_event(self._response))\n        self.client_left()\n",
        "await self._put(cancelled_event(self._response))\n",
        f"{CANCEL_TEST}::test_a_cancelled_response_ends_and_so_does_its_request",
    ),
    Mutant(
        "bridge: a cancelled response remembered",
        f"{BRIDGE}/session.py",
        'if response.get("status") == "cancelled":',
        "if False:",
        f"{CANCEL_TEST}::test_a_cancelled_response_is_not_remembered",
    ),
    Mutant(
        "bridge: events made without what the newest types require",
        f"{BRIDGE}/answers.py",
        '"cache_write_tokens": 0',
        '"cached": 0',
        f"{ANSWERS_TEST}::test_a_warm_up_has_a_beginning_and_an_end",
    ),
    Mutant(
        "bridge: runs in another release",
        f"{BRIDGE}/attach.py",
        "    _require_release(litellm_version)\n",
        "",
        f"{BRIDGE_TEST}::test_the_file_of_another_release_refuses_to_load",
    ),
    Mutant(
        "a name of a container taken for LiteLLM anywhere",
        "patch/litellm_overlay/overlay/survey.py",
        "        if not (sign or named or template.overlaid):\n            return\n",
        "",
        f"{FLEET_TEST}::test_a_name_of_a_container_chooses_among_what_looks_like_litellm",
    ),
    Mutant(
        "another product's image patched where it is named",
        "patch/litellm_overlay/overlay/containers.py",
        "    if recognition.is_other_product(image):",
        "    if not image:",
        f"{FLEET_TEST}::test_what_cannot_be_meant_is_refused",
    ),
    Mutant(
        "the overlay of a workload that is not chosen taken out",
        "patch/litellm_overlay/overlay/inject.py",
        "    bare = _bare(parts, surveyed.stays)",
        "    bare = _bare(parts, ())",
        f"{FLEET_TEST}::test_a_second_call_leaves_the_first_overlay_in",
    ),
    Mutant(
        "an option put before the release in a tag",
        "patch/litellm_overlay/overlay/meaning.py",
        "    return replace(item.values, litellm_version=None), [",
        "    return item.values, [",
        f"{RELEASES_TEST}::test_a_tag_counts_before_the_option",
    ),
    Mutant(
        "an edit of a text not proven",
        "patch/litellm_overlay/overlay/pod_edits.py",
        "        right = is_right(made.data)",
        "        right = True",
        "tests/unit/litellm_overlay/overlay/test_pod_edits.py",
    ),
    Mutant(
        "lines that nobody has read taken for proven",
        "patch/litellm_overlay/overlay/pod_edits.py",
        "    if put_in in _proven:",
        "    if True:",
        "tests/unit/litellm_overlay/overlay/test_pod_edits.py",
    ),
    Mutant(
        "an empty list taken for a key of ours",
        "patch/litellm_overlay/overlay/splice.py",
        "        if mark == 0:\n",
        "        if mark < 0:\n",
        "tests/unit/litellm_overlay/overlay/test_inject.py",
    ),
    Mutant(
        "a name in a command not quoted",
        "patch/litellm_overlay/printed.py",
        "    return shlex.quote(word)",
        "    return word",
        "tests/unit/litellm_overlay/checks/test_hostile_objects.py",
    ),
    Mutant(
        "metrics are registered before LiteLLM has set up its workers",
        f"{BRIDGE}/metrics.py",
        "self._made: dict[str, Any] | None = None",
        "self._made: dict[str, Any] | None = _registered()",
        f"{METRICS_TEST}::test_nothing_is_registered_before_the_first_handshake",
    ),
    Mutant(
        "a metric that fails fails the handshake",
        f"{BRIDGE}/metrics.py",
        "except Exception:",
        "except ZeroDivisionError:",
        f"{METRICS_TEST}::test_a_second_registration_stops_nothing",
    ),
    Mutant(
        "any close code becomes a label",
        f"{BRIDGE}/metrics.py",
        "label=str(code) if str(code) in _CODES else _OTHER",
        "label=str(code)",
        f"{METRICS_TEST}::test_labels_are_of_closed_sets",
    ),
    Mutant(
        "asking again for a key counts as a handshake",
        f"{BRIDGE}/handshake.py",
        "                return is_about_the_key(error)",
        '                self._process.metrics.refused("key")\n'
        "                return is_about_the_key(error)",
        f"{METRICS_TEST}::test_asking_again_for_a_key_is_no_handshake",
    ),
    Mutant(
        "the gauge keeps what is forgotten",
        f"{BRIDGE}/workers.py",
        "            self._session.close()\n"
        "            self._metrics.set_history_bytes(self._histories.held)",
        "            self._session.close()",
        f"{METRICS_TEST}::test_nothing_is_held_when_nobody_is_connected",
    ),
    Mutant(
        "a key's hash has no secret",
        f"{BRIDGE}/identity.py",
        "hashlib.blake2b(plain, key=secret, digest_size=16)",
        "hashlib.blake2b(plain, digest_size=16)",
        "tests/unit/v2_0_0/test_account.py::test_a_key_is_known_by_a_hash_of_ours",
    ),
    Mutant(
        "the switch is looked at after the key",
        f"{BRIDGE}/handshake.py",
        "        if self._process.is_off():\n",
        "        await self._check.identity(websocket.scope)\n        if self._process.is_off():\n",
        f"{SWITCH_TEST}::test_while_it_is_there_clients_go_to_http",
    ),
    Mutant(
        "the switch leaves open connections alone",
        f"{BRIDGE}/process.py",
        "DrainWatch(drain_file, off_file)",
        "DrainWatch(drain_file)",
        f"{SWITCH_TEST}::test_what_runs_ends_first",
    ),
    Mutant(
        "no heart beats before the first event",
        f"{BRIDGE}/turn.py",
        "        if self.over:\n            return None\n        return self",
        "        if self.over or not self._last:\n            return None\n        return self",
        f"{HEARTBEAT_TEST}::test_a_silent_turn_goes_on",
    ),
    Mutant(
        "silence has no end",
        f"{BRIDGE}/heartbeat.py",
        "return bool(self.every) and silent >= self.at_most",
        "return False",
        f"{HEARTBEAT_TEST}::test_silence_has_an_end",
    ),
    Mutant(
        "a namespace of the manifests rendered without quotes",
        "manifests/_overlay.yaml.j2",
        "namespace: {{ namespace | word }}",
        "namespace: {{ namespace }}",
        "tests/unit/litellm_overlay/commands/test_hostile_input.py::"
        "test_a_namespace_becomes_no_yaml",
    ),
    Mutant(
        "a program run in a pod without consent",
        "patch/litellm_overlay/commands/pin.py",
        "workload, without=may_exec",
        "workload, without=True",
        f"{MOVING_TEST}::test_nothing_is_executed_without_consent",
    ),
    Mutant(
        "a report on another image believed",
        "patch/litellm_overlay/objects/release_from_pods.py",
        "if _digests([pod]) & digests]",
        "if digests]",
        f"{MOVING_TEST}::test_what_pods_do_not_tell_is_asked_for",
    ),
)


def run_tests(tree: Path, *tests: str) -> int:
    """Run tests in a copy; return pytest's exit code: 0 passed, 1 failed, else did not run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environ = {**os.environ, "MUTANT": tree.name}  # tests/support/database.py
    done = subprocess.run(
        command, cwd=tree, env=environ, capture_output=True, check=False, text=True
    )
    if done.returncode not in (0, 1):
        sys.stdout.write(done.stdout[-3000:] + done.stderr[-3000:])
    return done.returncode


def is_caught(tree: Path, mutant: Mutant) -> bool:
    """Apply a mutant to a copy; tell whether its test fails there; undo the mutation."""
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


def try_on(free: queue.SimpleQueue[Path], mutant: Mutant) -> bool:
    """Try a mutant on a free copy; print and return whether it was caught."""
    tree = free.get()
    try:
        caught = is_caught(tree, mutant)
    finally:
        free.put(tree)
    print(f"{'caught  ' if caught else 'SURVIVED'}  {mutant.name}", flush=True)
    return caught


def copy_of_the_tree(tree: Path) -> Path:
    """Copy what the tests need to `tree`, and return `tree`."""
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("docs", "manifests", "patch", "scripts", "tests"):
        shutil.copytree(ROOT / part, tree / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def main() -> int:
    """Try the chosen mutants, or all; return 0 if each was caught, else 1."""
    parser = argparse.ArgumentParser(
        description="Break the patch in named ways; see that a test turns red."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(m.name for m in MUTANTS))
    names = parser.parse_args().names
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    with tempfile.TemporaryDirectory() as scratch:
        trees = [copy_of_the_tree(Path(scratch) / str(number)) for number in range(AT_ONCE)]
        # One run per folder of tests/, since two folders may define the same pytest option.
        tests = sorted({mutant.test for mutant in chosen})
        folders = itertools.groupby(tests, lambda test: test.split("/")[1])
        if any(run_tests(trees[0], *of_one) != 0 for _, of_one in folders):
            print("the tests are not green without a mutation")
            return 1
        free = queue.SimpleQueue[Path]()
        for tree in trees:
            free.put(tree)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            caught = list(pool.map(lambda mutant: try_on(free, mutant), chosen))
    survivors = [mutant for mutant, was in zip(chosen, caught, strict=True) if not was]
    print(f"{len(chosen) - len(survivors)} passed, {len(survivors)} failed")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
