"""The plan: accepted values, and refusals that name the key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoint_patch import plan
from endpoint_patch.errors import PlanUnreadableError

LEAST = {"patchVersion": "2.0.0", "outputPath": "/out/endpoints.py"}


def test_defaults() -> None:
    """A plan with the two required keys gets every documented default."""
    assert plan.check(LEAST) == plan.Plan(
        patch_version="2.0.0",
        module_path=None,
        source_path=None,
        litellm_version=None,
        output_path="/out/endpoints.py",
        report_path="/out/report.json",
        termination_message_path=None,
        policy=plan.Policy("passthrough", "fail", None),
        compromised=(),
        settings={
            "mode": "websocket",
            "maxMessageBytes": 16_000_000,
            "firstMessageTimeoutSeconds": 0,
            "sessionLifetimeSeconds": 3600,
            "historyBytes": 268_435_456,
            "heartbeatSeconds": 0,
            "heartbeatMaxSeconds": 900,
            "drainFile": "",
            "offFile": "",
        },
    )


def test_null_is_the_same_as_left_out() -> None:
    """Null for an optional key means the same as leaving it out."""
    nulls = dict.fromkeys(
        ("modulePath", "sourcePath", "litellmVersion", "reportPath", "terminationMessagePath")
    )
    assert plan.check({**LEAST, **nulls}) == plan.check(LEAST)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        pytest.param({"patchVersion": None}, "patchVersion", id="required"),
        pytest.param({"outputPath": None}, "outputPath", id="required-too"),
        pytest.param({"outputpath": "/x"}, "outputpath", id="unknown-key"),
        pytest.param({"patchVersion": "2"}, "patchVersion", id="no-version"),
        pytest.param({"patchVersion": "../../x"}, "patchVersion", id="version-is-no-path"),
        pytest.param({"patchVersion": "2.0.0\n"}, "patchVersion", id="trailing-newline"),
        pytest.param({"modulePath": "relative.py"}, "modulePath", id="mounts-are-absolute"),
        pytest.param({"outputPath": ""}, "outputPath", id="empty"),
        pytest.param({"outputPath": "/a\0b"}, "outputPath", id="nul"),
        pytest.param({"outputPath": "/a\ud800"}, "outputPath", id="lone-surrogate"),
        pytest.param({"outputPath": 3}, "outputPath", id="not-text"),
        pytest.param({"onUnknown": "ignore"}, "onUnknown", id="unknown-policy"),
        pytest.param({"onUnknown": ["fail"]}, "onUnknown", id="policy-not-text"),
        pytest.param({"onFixed": "fail"}, "onFixed", id="unknown-policy-for-fixed"),
        pytest.param({"onUnknown": "patch"}, "expectedSha256", id="expects-no-file"),
        pytest.param({"expectedSha256": "0" * 64}, "onUnknown", id="expected-for-nothing"),
        pytest.param(
            {"onUnknown": "patch", "expectedSha256": "0" * 63}, "64 hex digits", id="no-sha256"
        ),
        pytest.param({"compromised": "1.2.3"}, "compromised", id="no-list"),
        pytest.param({"compromised": [1]}, "compromised", id="no-releases"),
        pytest.param({"litellmVersion": "1.88.6"}, "litellmVersion", id="without-sourcePath"),
        pytest.param({"settings": None}, "settings", id="settings-null"),
        pytest.param({"settings": {"Mode": "websocket"}}, "Mode", id="unknown-setting"),
    ],
)
def test_refused(change: dict[str, object], names: str) -> None:
    """Each mistake is refused with exit code 10 and a sentence that names the key."""
    with pytest.raises(PlanUnreadableError, match=names) as refusal:
        plan.check({**LEAST, **change})
    assert refusal.value.exit_code == 10
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("mode", ["websocket", "http-fallback"], ["", "WebSocket", None, 1, ["websocket"]]),
        ("maxMessageBytes", [1024, 16_777_216, 1.6e7], [1023, 16_777_217, 2000.5, "2000", True]),
        ("firstMessageTimeoutSeconds", [0, 0.5, 3600], [-1, 3601, None, "1", False]),
        ("sessionLifetimeSeconds", [0, 60, 86_400, 90.5], [1, 59, 86_401, -60, "0", True]),
        (
            "historyBytes",
            [1 << 20, 2.68435456e8, 1 << 40],
            [0, (1 << 40) + 1, 2e6 + 0.5, "1", True],
        ),
        ("heartbeatSeconds", [0, 1, 2.5, 240], [0.5, 241, -1, None, "1", True]),
        ("heartbeatMaxSeconds", [1, 900, 86_400], [0, 86_401, None, "900", True]),
        ("drainFile", ["", "/run/drain"], ["drain", "/a\0b", "/a\nb", None, 0]),
        ("offFile", ["", "/run/off"], ["off", "/a\0b", "/a\nb", None, 0]),
    ],
)
def test_settings(name: str, good: list[object], bad: list[object]) -> None:
    """Every setting accepts its range and refuses values outside of it."""
    for value in good:
        assert plan.check_settings({name: value})[name] == value
    for value in bad:
        with pytest.raises(PlanUnreadableError, match=f"settings.{name}"):
            plan.check_settings({name: value})


def test_a_large_number_in_float_notation_is_a_whole_number() -> None:
    """A whole number in float notation, as YAML tools write it, becomes an integer."""
    value = plan.check_settings(json.loads('{"maxMessageBytes": 1.6e+07}'))["maxMessageBytes"]
    assert repr(value) == "16000000"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', b"\xff", "[" * 100_000])
def test_not_a_json_object(text: str | bytes) -> None:
    """Text that is no JSON object is a refusal."""
    with pytest.raises(PlanUnreadableError):
        plan.decode(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_number(number: str) -> None:
    """NaN and infinities, which Python's JSON accepts, are refused."""
    with pytest.raises(PlanUnreadableError):
        plan.check_settings(plan.decode(f'{{"sessionLifetimeSeconds": {number}}}'))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(
    st.dictionaries(st.sampled_from([*plan._KEYS, "other"]), JSON_VALUES),
    st.dictionaries(st.sampled_from([*plan._SETTINGS, "other"]), JSON_VALUES),
)
def test_any_object_is_checked_or_refused(raw: dict[str, object], settings: object) -> None:
    """Any object gives a plan or a refusal."""
    for candidate in (raw, {**LEAST, **raw}, {**LEAST, "settings": settings}):
        plan.readable_paths(candidate)
        try:
            assert plan.check(candidate).patch_version
        except PlanUnreadableError as refusal:
            assert refusal.message.endswith(".")


@pytest.mark.parametrize(
    ("raw", "report", "message"),
    [
        ({}, None, None),
        ({"outputPath": "/o/e.py", "typo": 1}, "/o/report.json", None),
        ({"outputPath": "/o/e.py", "reportPath": "/r.json"}, "/r.json", None),
        ({"terminationMessagePath": "/t"}, None, "/t"),
        ({"reportPath": 3, "terminationMessagePath": "/t"}, None, None),
    ],
)
def test_paths(raw: dict[str, object], report: str | None, message: str | None) -> None:
    """The report's paths are read even from a plan with mistakes."""
    result = plan.readable_paths(raw)
    assert (result.get("reportPath"), result.get("terminationMessagePath")) == (report, message)
