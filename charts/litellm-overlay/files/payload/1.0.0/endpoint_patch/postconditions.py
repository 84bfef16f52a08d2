"""What must hold of a patched text before it may be written."""

from __future__ import annotations

import ast
import warnings
from itertools import zip_longest
from typing import TYPE_CHECKING

from endpoint_patch import edits, syntax
from endpoint_patch.errors import VerificationFailedError

if TYPE_CHECKING:
    from endpoint_patch.versions import PatchVersion


def verify(stock: bytes, patched: bytes, version: PatchVersion) -> None:
    """Raise VerificationFailedError unless `patched` is `stock`, taken over, and nothing else."""
    _check_compiles(patched)
    head, marker, inserted = patched.partition(b"\n" + edits.BEGIN)
    _require(bool(marker), "it has no begin marker")
    head += b"\n"
    stock_tree = syntax.parse(stock)
    handler = syntax.find_handler(stock_tree)
    _check_stock_lines(stock, head, handler)
    _check_handler(stock_tree, syntax.parse(head), handler)
    inserted_tree = syntax.parse(edits.BEGIN + inserted)
    _check_scope(stock_tree, inserted_tree, version)
    _check_attached_once(inserted_tree, handler)
    _require(edits.undo(patched) == stock, "it cannot be turned back into the stock file")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise VerificationFailedError(f"The patched text is not good: {otherwise}.")


def _check_compiles(patched: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(patched, "endpoints.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise VerificationFailedError(f"The patched text does not compile: {error}.") from error


def _check_stock_lines(stock: bytes, head: bytes, handler: syntax.Handler) -> None:
    """Require that upstream's lines are unchanged, except decorators that became comments."""
    before = (stock if stock.endswith(b"\n") else stock + b"\n").splitlines(keepends=True)
    for number, (line, now) in enumerate(zip_longest(before, head.splitlines(keepends=True)), 1):
        commented = line is not None and number in handler.decorator_lines
        expected = edits.PREFIX + line if commented else line
        _require(now == expected, f"upstream's line {number} was changed")


def _check_handler(stock: ast.Module, head: ast.Module, handler: syntax.Handler) -> None:
    """Require that the handler is kept, has no route any more, and has the same parameters."""
    _require(not syntax.responses_routes(head), "a WebSocket route of upstream is left")
    old, new = (
        [node for node in tree.body if getattr(node, "name", None) == handler.name]
        for tree in (stock, head)
    )
    _require(
        len(old) == len(new) == 1
        and not new[0].decorator_list  # type: ignore[attr-defined]
        and ast.dump(old[0].args) == ast.dump(new[0].args),  # type: ignore[attr-defined]
        f"{handler.name} is not what it was",
    )


def _check_attached_once(inserted: ast.Module, handler: syntax.Handler) -> None:
    """Require that the text ends with one call that passes the stock module's objects."""
    last = inserted.body[-1]
    call = last.value if isinstance(last, ast.Expr) else None
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != f"{edits.SCOPE}()":
        raise VerificationFailedError(
            f"The patched text is not good: {edits.SCOPE} is not called once, at the end."
        )
    arguments = {item.arg: ast.unparse(item.value) for item in call.keywords}
    _require(
        not call.args
        and arguments.keys() == {*_from_stock(handler), "settings", "litellm_version"}
        and all(arguments[name] == value for name, value in _from_stock(handler).items()),
        f"{edits.SCOPE} is not given the stock module's objects",
    )


def _from_stock(handler: syntax.Handler) -> dict[str, str]:
    return {
        "router": handler.router,
        "stock_handler": handler.name,
        "authenticate": handler.authenticate,
        "logger": handler.logger,
    }


def _check_scope(stock: ast.Module, inserted: ast.Module, version: PatchVersion) -> None:
    """Require that the inserted text adds exactly one name to the stock module, and a new one.

    A name that the stock module only reads is taken, too: a star import may bind it. Names that
    the function declares `global` are names of the module.
    """
    scopes = [node for node in inserted.body if isinstance(node, ast.FunctionDef)]
    _require(
        syntax.module_names(inserted) == {edits.SCOPE}
        and len(scopes) == 1
        and len(inserted.body) == 2,
        f"it binds more than {edits.SCOPE}",
    )
    _require(not scopes[0].decorator_list, f"{edits.SCOPE} has a decorator")
    _require(
        ast.unparse(scopes[0].body[-1]) == f"return {version.attach}",
        f"what {edits.SCOPE} returns is not what attaches it",
    )
    taken = syntax.module_names(stock) | syntax.names_used(stock)
    _require(edits.SCOPE not in taken, f"it gives {edits.SCOPE} another meaning")
