"""Read `workloads` in a values file: values that count for some workloads alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_overlay.camel_case import to_camel_case
from litellm_overlay.errors import ValuesError
from litellm_overlay.overlay.selection import OWN, parse_pattern

if TYPE_CHECKING:
    from collections.abc import Callable


def read(
    raw: object, field_names: set[str], check: Callable[[dict[str, Any]], None]
) -> tuple[Any, ...]:
    """Return a mapping of field names to values for each entry of `workloads`.

    Each has the keys `workload` and `leave_out`, too. `field_names` are those of OverlayValues.
    `check` raises ValuesError for a value that is not valid. Raises ValuesError for a wrong entry.
    """
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        raise ValuesError("workloads must be a list of mappings", "see `inject --help`")
    return tuple(_entry(dict(each), field_names, check) for each in raw)


def _entry(
    raw: dict[Any, Any], field_names: set[str], check: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    pattern = raw.pop("workload", None)
    if not isinstance(pattern, str):
        raise ValuesError("each of workloads needs a workload, such as Deployment/litellm")
    parsed = parse_pattern(pattern)
    leave_out = raw.pop("leaveOut", parsed.leaves_out)
    if not isinstance(leave_out, bool):
        raise ValuesError(f"{pattern}: leaveOut must be true or false, not {leave_out!r}")
    patch = raw.pop("patch", None) or {}
    if not isinstance(patch, dict):
        raise ValuesError(f"{pattern}: patch must be a mapping, not {patch!r}")
    entry: dict[str, Any] = {}
    for key, name in (("version", "patch_version"), ("onFixed", "on_fixed")):
        if value := patch.pop(key, None):
            entry[name] = value
    entry["settings"] = {key: value for key, value in patch.items() if value is not None}
    keys = {to_camel_case(name): name for name in OWN if name in field_names}
    for own in ("patchVersion", "onFixed", "settings"):
        keys.pop(own, None)
    if unknown := sorted(set(map(str, raw)) - set(keys)):
        choices = ", ".join(sorted({*keys, "leaveOut", "patch", "workload"}))
        raise ValuesError(f"{pattern} has no key {unknown[0]!r}", f"known keys: {choices}")
    entry |= {keys[key]: value for key, value in raw.items() if value not in (None, "")}
    try:
        check(entry)
    except ValuesError as error:
        raise ValuesError(f"{pattern}: {error.message}", error.hint) from error
    if not entry["settings"]:
        del entry["settings"]
    return {"workload": pattern, "leave_out": leave_out, **entry}
