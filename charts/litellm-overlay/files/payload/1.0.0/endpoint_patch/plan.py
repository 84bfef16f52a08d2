"""Read the plan: JSON text in, a checked and frozen `Plan` out. Nothing is guessed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from endpoint_patch.errors import PlanUnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Scalar = str | int | float

_KEYS = frozenset(
    {
        "patchVersion",
        "modulePath",
        "sourcePath",
        "litellmVersion",
        "outputPath",
        "reportPath",
        "terminationMessagePath",
        "onFixed",
        "onUnknown",
        "expectedSha256",
        "compromised",
        "settings",
    }
)


_POLICIES = {"onFixed": ("passthrough", "patch"), "onUnknown": ("fail", "passthrough", "patch")}


@dataclass(frozen=True, slots=True)
class Policy:
    """What to do with a file that is not known as affected; each as in the plan."""

    on_fixed: str = "passthrough"
    on_unknown: str = "fail"
    expected_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to patch, with what, and where to put it. Paths are text, as in the JSON."""

    patch_version: str
    module_path: str | None
    source_path: str | None
    litellm_version: str | None
    output_path: str
    report_path: str
    termination_message_path: str | None
    policy: Policy
    compromised: tuple[str, ...]
    settings: Mapping[str, Scalar]


class _Setting(NamedTuple):
    default: Scalar
    allows: Callable[[object], bool]
    rule: str


def _number(value: object, low: float, high: float) -> bool:
    # A bool is an int to Python, but `true` seconds is a mistake.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and low <= value <= high  # type: ignore[operator]


def _is_file(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and (not value or value.startswith("/"))


_A_FILE = 'must be "" (off) or an absolute path'
_SETTINGS: Mapping[str, _Setting] = {
    "mode": _Setting(
        "websocket",
        lambda value: value in ("websocket", "http-fallback"),
        'must be "websocket" or "http-fallback"',
    ),
    "maxMessageBytes": _Setting(
        16_000_000,
        lambda value: _number(value, 1024, 16_777_216) and value == int(value),  # type: ignore[call-overload]
        "must be a whole number from 1024 to 16777216",
    ),
    "firstMessageTimeoutSeconds": _Setting(
        0,
        lambda value: _number(value, 0, 3600),
        "must be a number from 0 (off) to 3600",
    ),
    "sessionLifetimeSeconds": _Setting(
        3600,
        lambda value: _number(value, 60, 86_400) or _number(value, 0, 0),
        "must be 0 (off) or a number from 60 to 86400",
    ),
    "historyBytes": _Setting(
        268_435_456,
        lambda value: _number(value, 1_048_576, 2**40) and value == int(value),  # type: ignore[call-overload]
        "must be a whole number from 1048576 to 1099511627776",
    ),
    "heartbeatSeconds": _Setting(
        0,
        lambda value: _number(value, 1, 240) or _number(value, 0, 0),
        "must be 0 (off) or a number from 1 to 240",
    ),
    "heartbeatMaxSeconds": _Setting(
        900,
        lambda value: _number(value, 1, 86_400),
        "must be a number from 1 to 86400",
    ),
    "drainFile": _Setting("", _is_file, _A_FILE),
    "offFile": _Setting("", _is_file, _A_FILE),
}


def decode(text: str | bytes) -> dict[str, object]:
    """Return the plan's JSON object, its keys and values not yet checked."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanUnreadableError(f"The plan is not JSON: {error}.") from error
    if not isinstance(raw, dict):
        raise PlanUnreadableError("The plan must be a JSON object.")
    return raw


def check(raw: Mapping[str, object]) -> Plan:
    """Return the plan, or say which key is wrong and how."""
    _refuse_unknown(raw, _KEYS, "The plan has no key")
    patch_version = _required(raw, "patchVersion")
    if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", patch_version):
        raise PlanUnreadableError(f'patchVersion must look like "2.0.0", not {patch_version!r}.')
    module_path, source_path = _text(raw, "modulePath"), _text(raw, "sourcePath")
    if module_path and not module_path.startswith("/"):
        raise PlanUnreadableError(f"modulePath must be absolute, not {module_path!r}.")
    litellm_version = _text(raw, "litellmVersion")
    if litellm_version and not source_path:
        raise PlanUnreadableError(
            "litellmVersion goes with sourcePath only; without it the installed release is read."
        )
    output_path = _required(raw, "outputPath")
    report_path = _text(raw, "reportPath") or _beside(output_path)
    return Plan(
        patch_version=patch_version,
        module_path=module_path,
        source_path=source_path,
        litellm_version=litellm_version,
        output_path=output_path,
        report_path=report_path,
        termination_message_path=_text(raw, "terminationMessagePath"),
        policy=_policy(raw),
        compromised=_releases(raw.get("compromised", [])),
        settings=check_settings(raw.get("settings", {})),
    )


def _policy(raw: Mapping[str, object]) -> Policy:
    chosen = {name: raw.get(name, allowed[0]) for name, allowed in _POLICIES.items()}
    for name, allowed in _POLICIES.items():
        if chosen[name] not in allowed:
            one_of = " or ".join(f'"{item}"' for item in allowed)
            raise PlanUnreadableError(f"{name} must be {one_of}, not {chosen[name]!r}.")
    expected = _text(raw, "expectedSha256")
    if (expected is not None) != (chosen["onUnknown"] == "patch"):
        raise PlanUnreadableError('onUnknown "patch" and expectedSha256 go together.')
    if expected and not re.fullmatch(r"[0-9a-f]{64}", expected):
        raise PlanUnreadableError(f"expectedSha256 must be 64 hex digits, not {expected!r}.")
    return Policy(str(chosen["onFixed"]), str(chosen["onUnknown"]), expected)


def _releases(raw: object) -> tuple[str, ...]:
    if isinstance(raw, list) and all(isinstance(item, str) for item in raw):
        return tuple(raw)
    raise PlanUnreadableError(f"compromised must be a list of releases, not {raw!r}.")


def check_settings(raw: object) -> dict[str, Scalar]:
    """Return every setting, in a fixed order, with defaults for those not given."""
    if not isinstance(raw, dict):
        raise PlanUnreadableError("settings must be a JSON object.")
    _refuse_unknown(raw, _SETTINGS, "There is no setting")
    for name, value in raw.items():
        if not _SETTINGS[name].allows(value):
            raise PlanUnreadableError(f"settings.{name} {_SETTINGS[name].rule}, not {value!r}.")
    settings = {name: raw.get(name, setting.default) for name, setting in _SETTINGS.items()}
    # YAML tools turn large whole numbers into floats (1.6e+07).
    for name in ("maxMessageBytes", "historyBytes"):
        settings[name] = int(settings[name])
    return settings


def readable_paths(raw: Mapping[str, object]) -> dict[str, str | None]:
    """Return the paths in a plan by their keys, as far as they can be read without checks.

    So a plan with a mistake in it still gets its report where its author expects it.
    """
    keys = ("modulePath", "sourcePath", "outputPath", "reportPath", "terminationMessagePath")
    try:
        values = {key: _text(raw, key) for key in keys}
    except PlanUnreadableError:
        return {}
    output = values["outputPath"]
    if output and not values["reportPath"]:
        values["reportPath"] = _beside(output)
    return values


def _beside(output: str) -> str:
    return str(PurePath(output).parent / "report.json")


def _refuse_unknown(
    values: Mapping[str, object], allowed: Mapping[str, _Setting] | frozenset[str], sentence: str
) -> None:
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise PlanUnreadableError(
            f"{sentence} {unknown[0]!r}; known: {', '.join(sorted(allowed))}."
        )


def _text(raw: Mapping[str, object], key: str) -> str | None:
    """Return a text value, or None where it is null or missing."""
    value = raw.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value or not value.isprintable():
        raise PlanUnreadableError(f"{key} must be a text, printable and not empty, not {value!r}.")
    return value


def _required(raw: Mapping[str, object], key: str) -> str:
    value = _text(raw, key)
    if value is None:
        raise PlanUnreadableError(f"{key} is missing.")
    return value
