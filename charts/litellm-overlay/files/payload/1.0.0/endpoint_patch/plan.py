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
        "onUnknown",
        "settings",
    }
)


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
    on_unknown: str
    settings: Mapping[str, Scalar]


class _Setting(NamedTuple):
    default: Scalar
    allows: Callable[[object], bool]
    rule: str


def _number(value: object, low: float, high: float) -> bool:
    # A bool is an int to Python, but `true` seconds is a mistake.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and low <= value <= high  # type: ignore[operator]


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
    "drainFile": _Setting(
        "",
        lambda value: (
            isinstance(value, str) and value.isprintable() and (not value or value.startswith("/"))
        ),
        'must be "" (off) or an absolute path',
    ),
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
    report_path = _text(raw, "reportPath") or str(PurePath(output_path).parent / "report.json")
    if PurePath(report_path) == PurePath(output_path):
        raise PlanUnreadableError("reportPath and outputPath must be two different files.")
    on_unknown = raw.get("onUnknown", "fail")
    if on_unknown not in ("fail", "passthrough"):
        raise PlanUnreadableError(f'onUnknown must be "fail" or "passthrough", not {on_unknown!r}.')
    return Plan(
        patch_version=patch_version,
        module_path=module_path,
        source_path=source_path,
        litellm_version=litellm_version,
        output_path=output_path,
        report_path=report_path,
        termination_message_path=_text(raw, "terminationMessagePath"),
        on_unknown=str(on_unknown),
        settings=check_settings(raw.get("settings", {})),
    )


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
    settings["maxMessageBytes"] = int(settings["maxMessageBytes"])
    return settings


def destinations(raw: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Return where report and termination message go, as far as an unchecked plan says it.

    A plan with a typing error in it should still be answered where its author looks.
    """
    try:
        output, report = _text(raw, "outputPath"), _text(raw, "reportPath")
        if output and not report:
            report = str(PurePath(output).parent / "report.json")
        if report and output and PurePath(report) == PurePath(output):
            report = None
        return report, _text(raw, "terminationMessagePath")
    except PlanUnreadableError:
        return None, None


def _refuse_unknown(
    given: Mapping[str, object], known: Mapping[str, _Setting] | frozenset[str], sentence: str
) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise PlanUnreadableError(f"{sentence} {unknown[0]!r}; known: {', '.join(sorted(known))}.")


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
