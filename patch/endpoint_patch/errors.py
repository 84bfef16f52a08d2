"""Every way the guard says no: one exit code, one sentence and one next step each."""

from __future__ import annotations


class GuardError(Exception):
    """The guard refuses; `__main__` prints `error:` and `hint:` and exits with `exit_code`."""

    exit_code = 1
    default_hint = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class PlanUnreadableError(GuardError):
    """The plan is missing, is no JSON object, or holds a key or value that is not allowed."""

    exit_code = 10
    default_hint = "`python -m endpoint_patch --help` lists the plan's keys; correct it and retry."


class ModuleNotFoundInImageError(GuardError):
    """LiteLLM's endpoints.py could not be found the way the proxy would find it."""

    exit_code = 11
    default_hint = (
        "Run the init container from the proxy's own image, with the proxy's PATH and PYTHONPATH."
    )


class UnknownStockFileError(GuardError):
    """The stock file is not one that this patch was made for."""

    exit_code = 12
    default_hint = (
        "Use an unmodified LiteLLM release that the catalogue lists, or set onUnknown to"
        " passthrough to start without the patch."
    )


class AnchorError(GuardError):
    """A place that the edit needs is missing from the stock file, or is there twice."""

    exit_code = 13
    default_hint = "The file is not the endpoint this patch was made for; nothing was written."


class VerificationFailedError(GuardError):
    """The patched text does not hold what it must; nothing was written."""

    exit_code = 14
    default_hint = "Report this with the LiteLLM version; start from the unchanged image till then."


class CouldNotWriteError(GuardError):
    """The output or the report could not be written; an older output is still whole."""

    exit_code = 15
    default_hint = "Check that the folder is a writable volume with space left, then retry."


class WrongModulePathError(GuardError):
    """The proxy mounts over another path than the one it imports."""

    exit_code = 16


class CompromisedReleaseError(GuardError):
    """The image holds one of the malicious LiteLLM releases, or a trace of one."""

    exit_code = 17
    default_hint = (
        "Stop using this image, rotate every credential that was within its reach, and move to"
        " a clean release."
    )


class StaleBytecodeError(GuardError):
    """An unchecked .pyc file would be imported instead of the patched source."""

    exit_code = 18
    default_hint = "Use an image without unchecked-hash bytecode, or without that one file."


class PatchVersionMissingError(GuardError):
    """The payload does not hold the patch version that the plan asks for."""

    exit_code = 19
    default_hint = "Mount the payload of that patch version, or change patchVersion."


class OldPythonError(GuardError):
    """LiteLLM runs on a Python that cannot import the inserted text."""

    exit_code = 20
    default_hint = "Use an image with Python 3.10 or newer; every official one has it."
