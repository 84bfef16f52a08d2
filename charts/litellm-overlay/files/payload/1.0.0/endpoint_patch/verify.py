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
    head, found, inserted = patched.partition(b"\n" + edits.BEGIN)
    _require(bool(found), "it has no begin marker")
    head += b"\n"
    stock_tree = syntax.parse(stock)
    handler = syntax.find_handler(stock_tree)
    _check_stock_lines(stock, head, handler)
    _check_handler(stock_tree, syntax.parse(head), handler)
    inserted_tree = syntax.parse(edits.BEGIN + inserted)
    _check_attached_once(inserted_tree, handler, version)
    _check_names(stock_tree, inserted_tree)
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
    """Require upstream's lines as they were, but for the decorators that became comments."""
    before = (stock if stock.endswith(b"\n") else stock + b"\n").splitlines(keepends=True)
    for number, (line, now) in enumerate(zip_longest(before, head.splitlines(keepends=True)), 1):
        commented = line is not None and number in handler.decorator_lines
        expected = edits.PREFIX + line if commented else line
        _require(now == expected, f"upstream's line {number} was changed")


def _check_handler(stock: ast.Module, head: ast.Module, handler: syntax.Handler) -> None:
    """Require the handler to be there still, no longer routed, and to take what it took."""
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


def _check_attached_once(
    inserted: ast.Module, handler: syntax.Handler, version: PatchVersion
) -> None:
    """Require the call that attaches: the last statement, made once, with stock's objects."""
    calls = [
        node
        for node in ast.walk(inserted)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == version.attach
    ]
    last = inserted.body[-1] if inserted.body else None
    _require(
        len(calls) == 1 and isinstance(last, ast.Expr) and last.value is calls[0],
        f"{version.attach} is not called once, as the last statement",
    )
    given = {item.arg: ast.unparse(item.value) for item in calls[0].keywords}
    _require(
        not calls[0].args
        and given.keys() == {*_from_stock(handler), "settings", "litellm_version"}
        and all(given[name] == value for name, value in _from_stock(handler).items()),
        f"{version.attach} is not given the stock module's objects",
    )
    _require(version.attach in syntax.module_names(inserted), f"{version.attach} is not defined")


def _from_stock(handler: syntax.Handler) -> dict[str, str]:
    return {
        "router": handler.router,
        "stock_handler": handler.name,
        "authenticate": handler.authenticate,
        "logger": handler.logger,
    }


def _check_names(stock: ast.Module, inserted: ast.Module) -> None:
    """Require that no name of the inserted text changes what one of the stock module means.

    Names that the stock module only reads count as well: a star import binds them unseen. The
    same import on both sides is no change.
    """
    new = syntax.module_names(inserted)
    _require("*" not in new, "the inserted text has a star import")
    shared = new & (syntax.module_names(stock) | syntax.names_used(stock))
    stock_imports, new_imports = syntax.imports(stock), syntax.imports(inserted)
    others = [node for node in inserted.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    defined = syntax.module_names(ast.Module(others, []))
    for name in sorted(shared):
        same = name not in defined and new_imports.get(name) == stock_imports.get(name)
        _require(same and name in new_imports, f"it gives {name} another meaning")
