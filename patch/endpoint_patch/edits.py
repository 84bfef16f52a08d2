"""Stock text in, patched text out, and back. Bytes only, no I/O.

The patched text is the stock text with its WebSocket decorators commented out, line for line, and
then, in this order: a marker line with JSON, one function that holds the parts of the patch
version, one call that attaches them, an end marker.

The function is a scope of its own. So the one name that the stock module gets is SCOPE, whatever
names upstream takes now or later.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from typing import TYPE_CHECKING

from endpoint_patch.errors import VerificationFailedError
from endpoint_patch.syntax import find_handler, is_relative_import, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from endpoint_patch.plan import Scalar
    from endpoint_patch.versions import PatchVersion

PREFIX = b"# litellm-overlay: "
BEGIN = b"# litellm-overlay begin "
END = b"# litellm-overlay end\n"
SCOPE = "_litellm_overlay"


def patch(
    stock: bytes,
    version: PatchVersion,
    settings: Mapping[str, Scalar],
    litellm_version: str | None,
) -> bytes:
    """Return the patched text of a stock or of an already patched file."""
    stock = undo(stock)
    handler = find_handler(parse(stock))
    lines = stock.splitlines(keepends=True)
    for number in handler.decorator_lines:
        lines[number - 1] = PREFIX + lines[number - 1]
    head = b"".join(lines)
    marker = {
        "patch_version": version.version,
        "stock_sha256": hashlib.sha256(stock).hexdigest(),
        "litellm_version": litellm_version,
    }
    attach = (
        f"\n\n{SCOPE}()(router={handler.router}, stock_handler={handler.name},"
        f" authenticate={handler.authenticate}, logger={handler.logger},"
        f" settings={dict(settings)!a}, litellm_version={litellm_version!a})\n"
    )
    return b"".join(
        (
            head if head.endswith(b"\n") else head + b"\n",
            BEGIN + json.dumps(marker, separators=(",", ":")).encode() + b"\n",
            assemble(version),
            attach.encode(),
            END,
        )
    )


def undo(data: bytes) -> bytes:
    """Return the stock text of a patched file, and any other file as it is.

    The hash in the marker must fit; a file that was changed after it was patched is refused.
    """
    head, marked, rest = data.partition(b"\n" + BEGIN)
    if not marked:
        return data
    head = re.sub(rb"^" + re.escape(PREFIX), b"", head, flags=re.MULTILINE)
    try:
        expected = json.loads(rest.partition(b"\n")[0])["stock_sha256"]
    except (ValueError, KeyError, TypeError):
        expected = None
    # The last line's end may have been added by `patch`.
    for stock in (head + b"\n", head):
        if hashlib.sha256(stock).hexdigest() == expected and data.endswith(b"\n" + END):
            return stock
    raise VerificationFailedError(
        "The file carries a litellm-overlay patch, but was changed after it was patched.",
        "Restore the stock file (reinstall LiteLLM or pull the image again) and patch that.",
    )


def assemble(version: PatchVersion) -> bytes:
    """Join the parts inside one function that returns what attaches them.

    The imports by which the parts refer to each other are left out.
    """
    texts = [_without_relative_imports(part).strip(b"\n").decode() for part in version.parts]
    inside = "\n\n\n".join([*texts, f"return {version.attach}"])
    return f"def {SCOPE}():\n{textwrap.indent(inside, '    ')}\n".encode()


def _without_relative_imports(part: bytes) -> bytes:
    lines = part.splitlines(keepends=True)
    for node in parse(part).body:
        if is_relative_import(node):
            last = node.end_lineno or node.lineno
            lines[node.lineno - 1 : last] = [b""] * (last - node.lineno + 1)
    return b"".join(lines)
